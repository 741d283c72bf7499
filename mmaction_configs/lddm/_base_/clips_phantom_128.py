"""Clips of 16 frames, taken uniformly from segments of 48, at 128 × 128."""
_base_ = './clips_phantom.py'
clip_pipeline = [
    dict(type='ReadVideo', size=128, channels=1, cache=True),
    dict(type='SampleSegment', num_frames=16, segment_length=48),
    dict(type='FlipClip', probability=0.5),
    dict(type='PackClip')]
train_clips = dict(ann_file='data/phantom_128/videos.csv', pipeline=clip_pipeline)
test_clips = dict(ann_file='data/phantom_128/videos.csv', pipeline=[
    dict(type='ReadVideo', size=128, channels=1),
    dict(type='SampleSegment', num_frames=16, segment_length=48, test_mode=True),
    dict(type='PackClip')])
