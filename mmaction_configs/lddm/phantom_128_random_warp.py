"""What do the stills give at 128 × 128 when they move at random?  The package of the control."""
_base_ = './phantom_random_warp.py'
generator = dict(size=128)
