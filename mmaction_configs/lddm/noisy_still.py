"""What do stills give with noise of the right size that means nothing?  A control."""
_base_ = '../_base_/generator.py'
stages = dict(bank=dict(
    bank=_base_.train_clips, generator=dict(type='NoisyStill', **_base_.clip)))
