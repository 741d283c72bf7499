"""What do the stills give at 128 × 128 when nothing moves?  The package of the control."""
_base_ = './phantom_repeat_still.py'
generator = dict(size=128)
