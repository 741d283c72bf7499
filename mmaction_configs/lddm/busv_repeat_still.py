"""The control: a package for breast stills in whose clips nothing moves."""
_base_ = './_base_/runtime.py'
generator = dict(type='RepeatStill', size=128, num_frames=16, frame_stride=3)
