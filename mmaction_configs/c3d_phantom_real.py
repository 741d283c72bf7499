"""What does C3D reach with the phantom's real sweeps alone?  Small, from scratch, on a CPU."""
_base_ = ['./_base_/models/c3d.py', './_base_/datasets/phantom.py', './_base_/default_runtime.py']

model = dict(
    backbone=dict(
        _delete_=True, type='NarrowBackbone', divide=8,
        backbone=dict(type='C3D', pretrained=None, out_dim=2048, norm_cfg=dict(type='BN3d'))),
    cls_head=dict(in_channels=512))
resize = [dict(type='Resize', scale=(40, 40), keep_ratio=False)]
train_pipeline = _base_.read + _base_.sample + _base_.augment + resize + _base_.pack
test_pipeline = _base_.read + _base_.sample_centre + resize + _base_.pack

loader = dict(batch_size=6, num_workers=0, persistent_workers=False)
train_dataloader = dict(**loader, dataset=dict(**_base_.real, pipeline=train_pipeline))
val_dataloader = dict(**loader, dataset=dict(**_base_.held_out, pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_iters=160, val_interval=160)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
    dict(type='CosineAnnealingLR', by_epoch=False)]
optim_wrapper = dict(_delete_=True, optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.01))
