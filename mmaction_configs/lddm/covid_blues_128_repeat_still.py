"""What do the stills give at 128 × 128 when nothing moves?  The package of the control."""
_base_ = './covid_blues_repeat_still.py'
generator = dict(size=128)
