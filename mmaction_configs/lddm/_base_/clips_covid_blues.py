"""Lung ultrasound of COVID-BLUES, prepared as docs/data.md says; one patient is one group."""
_base_ = './clips_phantom.py'
train_clips = dict(ann_file='data/covid_blues/videos.csv', classes=('0', '1'))
test_clips = dict(ann_file='data/covid_blues/videos.csv', classes=('0', '1'))
