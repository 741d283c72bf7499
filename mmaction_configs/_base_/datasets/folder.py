"""A folder of your own with videos.csv, stills.csv and splits/; it takes the place of busv.py.

A config's data are the one line of its `_base_` that names this file.  The folder and the split
are chosen without editing: DATA=data/mine SPLIT=5_5_seed0 python tools/train.py CONFIG.  With
more classes than two, set model.cls_head.num_classes.
"""
folder = '{{$DATA:data/mine}}'

videos = dict(
    type='VideoClipDataset', ann_file=f'{folder}/videos.csv',
    split_file=f'{folder}/splits/{{$SPLIT:7_3_seed0}}.csv')
real = dict(**videos, split='train')
held_out = dict(**videos, split='test', test_mode=True)

# what `tools/synthesize.py` made of the folder's stills.csv
lddm_clips = dict(type='SyntheticClipDataset', store=f'{folder}/synthetic/lddm')
cinn_clips = dict(lddm_clips, store=f'{folder}/synthetic/cinn')
still_clips = dict(lddm_clips, store=f'{folder}/synthetic/still')
transfer_clips = dict(lddm_clips, store=f'{folder}/synthetic/transfer')

# the same stills, from which clips are synthesized on the fly
stills = dict(type='StillDataset', ann_file=f'{folder}/stills.csv')
synthesize = [
    dict(type='LoadStill', size=64),
    dict(type='SynthesizeClip', package=f'{folder}/generator/package')]

read = [dict(type='ReadVideo', size=256)]
augment = [
    dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
    dict(type='Flip', flip_ratio=0.5)]
