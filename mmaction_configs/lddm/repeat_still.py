"""What do stills give when nothing moves?  A control, with nothing to train."""
_base_ = '../_base_/generator.py'
generator = dict(type='RepeatStill', **_base_.clip)
