"""Breast ultrasound videos (BUSV), and the stills of BUSI that may become clips.

The split is chosen without editing: SPLIT=3_7_seed1 python tools/train.py CONFIG takes
data/busv/splits/3_7_seed1.csv.  Groups are patients: none may stand on both sides.
"""
classes = ('benign', 'malignant')

videos = dict(
    type='VideoClipDataset', ann_file='data/busv/videos.csv', classes=classes,
    split_file='data/busv/splits/{{$SPLIT:7_3_seed0}}.csv')
real = dict(**videos, split='train')
held_out = dict(**videos, split='test', test_mode=True)

# what `tools/synthesize.py` made of data/busi/stills.csv: by LDDM, the paper's baseline and the
# controls that repeat the still or give it the motion of a training video
lddm_clips = dict(
    type='SyntheticClipDataset', store='work_dirs/synthetic/busv_lddm', classes=classes)
cinn_clips = dict(lddm_clips, store='work_dirs/synthetic/busv_cinn')
still_clips = dict(lddm_clips, store='work_dirs/synthetic/busv_still')
transfer_clips = dict(lddm_clips, store='work_dirs/synthetic/busv_transfer')

# the same stills, from which clips are synthesized on the fly
stills = dict(type='StillDataset', ann_file='data/busi/stills.csv', classes=classes)
synthesize = [
    dict(type='LoadStill', size=128),
    dict(type='SynthesizeClip', package='work_dirs/lddm/busv/package')]

read = [dict(type='ReadVideo', size=256)]
augment = [
    dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
    dict(type='Flip', flip_ratio=0.5)]
