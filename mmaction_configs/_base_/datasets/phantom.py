"""Simulated sweeps, made by `python tools/make_phantom.py --out data/phantom`."""
classes = ('benign', 'malignant')

real = dict(
    type='VideoClipDataset', ann_file='data/phantom/videos.csv', split='train', classes=classes)
held_out = dict(
    type='VideoClipDataset', ann_file='data/phantom/videos.csv', split='test', classes=classes,
    test_mode=True)

# what `tools/synthesize.py` made of data/phantom/stills.csv: by LDDM, the paper's baseline and the
# controls that repeat the still or give it the motion of a training video
lddm_clips = dict(
    type='SyntheticClipDataset', store='work_dirs/synthetic/phantom_lddm', classes=classes)
cinn_clips = dict(lddm_clips, store='work_dirs/synthetic/phantom_cinn')
still_clips = dict(lddm_clips, store='work_dirs/synthetic/phantom_still')
transfer_clips = dict(lddm_clips, store='work_dirs/synthetic/phantom_transfer')

# the same stills, from which clips are synthesized on the fly
stills = dict(type='StillDataset', ann_file='data/phantom/stills.csv', classes=classes)
synthesize = [
    dict(type='LoadStill', size=64),
    dict(type='SynthesizeClip', package='work_dirs/lddm/phantom/package')]

read = [dict(type='ReadVideo', size=64, cache=True)]
augment = [
    dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
    dict(type='Flip', flip_ratio=0.5)]
