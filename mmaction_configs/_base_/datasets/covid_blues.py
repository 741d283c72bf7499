"""Lung ultrasound with B-lines or without (COVID-BLUES), as tools/prepare_data.py leaves it."""
real = dict(type='VideoClipDataset', ann_file='data/covid_blues/videos.csv', split='train')
held_out = dict(
    type='VideoClipDataset', ann_file='data/covid_blues/videos.csv', split='test', test_mode=True)

# what `tools/synthesize.py` made of data/covid_blues/stills.csv: by LDDM, the paper's baseline and
# the controls that repeat the still or give it the motion of a training video
lddm_clips = dict(type='SyntheticClipDataset', store='work_dirs/synthetic/covid_blues_lddm')
cinn_clips = dict(lddm_clips, store='work_dirs/synthetic/covid_blues_cinn')
still_clips = dict(lddm_clips, store='work_dirs/synthetic/covid_blues_still')
transfer_clips = dict(lddm_clips, store='work_dirs/synthetic/covid_blues_transfer')

# the same stills, from which clips are synthesized on the fly
stills = dict(type='StillDataset', ann_file='data/covid_blues/stills.csv')
synthesize = [
    dict(type='LoadStill', size=64),
    dict(type='SynthesizeClip', package='work_dirs/lddm/covid_blues/package')]

read = [dict(type='ReadVideo', size=64, cache=True)]
augment = [
    dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
    dict(type='Flip', flip_ratio=0.5)]
