"""The control: a package for the phantom's stills in whose clips nothing moves."""
_base_ = './_base_/runtime.py'
generator = dict(type='RepeatStill', size=64, num_frames=16, frame_stride=3)
