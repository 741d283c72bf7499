"""What does a small 3D ResNet see in BUSV's real videos?  Fréchet distances are taken in it."""
_base_ = ['./_base_/models/r3d.py', './_base_/datasets/busv.py', './_base_/default_runtime.py']

train_pipeline = _base_.read + _base_.sample + _base_.augment + _base_.resize + _base_.pack
test_pipeline = _base_.read + _base_.sample_centre + _base_.resize + _base_.pack

train_dataloader = dict(dataset=dict(**_base_.real, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(**_base_.held_out, pipeline=test_pipeline))
test_dataloader = val_dataloader
