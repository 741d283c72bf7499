"""What does a small 3D ResNet see in lung videos?  Fréchet distances are taken in it."""
_base_ = ['./_base_/models/r3d.py', './_base_/datasets/covid_blues.py',
          './_base_/default_runtime.py']

# how a lung looks differs more from patient to patient than with its B-lines; how it moves doesn't
see = _base_.resize + [dict(type='FrameDifferences', channels=(1, 2))]
jitter = [dict(type='ColorJitter', brightness=0.3, contrast=0.3, saturation=0, hue=0)]
train_pipeline = _base_.read + _base_.sample + _base_.augment + jitter + see + _base_.pack
test_pipeline = _base_.read + _base_.sample_centre + see + _base_.pack

train_dataloader = dict(dataset=dict(**_base_.real, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**_base_.held_out, pipeline=test_pipeline))
test_dataloader = val_dataloader
