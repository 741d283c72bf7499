"""What does TDN reach with the phantom's real sweeps alone?  Small, from scratch, on a CPU."""
_base_ = ['./_base_/models/tdn.py', './_base_/datasets/phantom.py', './_base_/default_runtime.py']

model = dict(
    backbone=dict(pretrained=None, base_channels=8, stage_blocks=(1, 1, 1, 1)),
    cls_head=dict(in_channels=256, dropout_ratio=0.2))
resize = [dict(type='Resize', scale=(64, 64), keep_ratio=False)]
train_pipeline = _base_.read + _base_.sample + _base_.augment + resize + _base_.pack
test_pipeline = _base_.read + _base_.sample_centre + resize + _base_.pack

loader = dict(batch_size=6, num_workers=0, persistent_workers=False)
train_dataloader = dict(**loader, dataset=dict(**_base_.real, pipeline=train_pipeline))
val_dataloader = dict(**loader, dataset=dict(**_base_.held_out, pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_iters=120, val_interval=120)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
    dict(type='CosineAnnealingLR', by_epoch=False)]
optim_wrapper = dict(
    _delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
