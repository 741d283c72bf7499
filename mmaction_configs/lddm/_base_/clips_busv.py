"""Clips of 16 frames, taken uniformly from segments of 48, at 128 × 128.

The split is chosen as for the recognizers: SPLIT=3_7_seed1 before a command.
"""
videos = dict(
    type='VideoClipDataset', ann_file='data/busv/videos.csv', classes=('benign', 'malignant'),
    split_file='data/busv/splits/{{$SPLIT:7_3_seed0}}.csv')
train_clips = dict(**videos, split='train', pipeline=[
    dict(type='ReadVideo', size=128, channels=1, cache=True),
    dict(type='SampleSegment', num_frames=16, segment_length=48),
    dict(type='FlipClip', probability=0.5),
    dict(type='PackClip')])
test_clips = dict(**videos, split='test', test_mode=True, pipeline=[
    dict(type='ReadVideo', size=128, channels=1),
    dict(type='SampleSegment', num_frames=16, segment_length=48, test_mode=True),
    dict(type='PackClip')])
