"""What do the lungs' stills give when nothing moves?  The package of the control."""
_base_ = './_base_/runtime.py'
generator = dict(type='RepeatStill', size=64, num_frames=16, frame_stride=3)
