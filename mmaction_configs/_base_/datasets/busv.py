"""Breast ultrasound videos (BUSV), and the stills of BUSI that may become clips.

Tables have the columns path, label, group. Groups are patients: none may stand on both sides.
"""
classes = ('benign', 'malignant')

real = dict(type='VideoClipDataset', ann_file='data/busv/train.csv', classes=classes)
held_out = dict(
    type='VideoClipDataset', ann_file='data/busv/test.csv', classes=classes, test_mode=True)

# what `tools/synthesize.py` made of data/busi/stills.csv: by LDDM, and by repeating the still
lddm_clips = dict(
    type='SyntheticClipDataset', store='work_dirs/synthetic/busv_lddm', classes=classes)
still_clips = dict(
    type='SyntheticClipDataset', store='work_dirs/synthetic/busv_still', classes=classes)

# the same stills, from which clips are synthesized on the fly
stills = dict(type='StillDataset', ann_file='data/busi/stills.csv', classes=classes)
synthesize = [
    dict(type='LoadStill', size=128),
    dict(type='SynthesizeClip', package='work_dirs/lddm/busv/package')]

read = [dict(type='ReadVideo', size=256)]
augment = [
    dict(type='RandomResizedCrop', area_range=(0.8, 1.0), aspect_ratio_range=(0.9, 1.1)),
    dict(type='Flip', flip_ratio=0.5)]
