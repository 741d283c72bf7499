"""What do breast stills give when they move at random?  The package of the control."""
_base_ = './_base_/runtime.py'
generator = dict(type='RandomWarp', size=128, num_frames=16, frame_stride=3)
