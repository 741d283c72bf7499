"""What do stills give when they move at random?  A control, with nothing to train."""
_base_ = '../_base_/generator.py'
generator = dict(type='RandomWarp', **_base_.clip)
