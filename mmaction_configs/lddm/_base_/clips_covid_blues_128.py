"""Lung ultrasound of COVID-BLUES at 128 × 128, prepared as docs/data.md says."""
_base_ = './clips_phantom_128.py'
train_clips = dict(ann_file='data/covid_blues_128/videos.csv', classes=('0', '1'))
test_clips = dict(ann_file='data/covid_blues_128/videos.csv', classes=('0', '1'))
