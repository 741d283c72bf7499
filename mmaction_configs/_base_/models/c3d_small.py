"""C3D with an eighth of its channels, from scratch, for a CPU."""
_base_ = './c3d.py'

model = dict(
    backbone=dict(
        _delete_=True, type='NarrowBackbone', divide=8,
        backbone=dict(type='C3D', pretrained=None, out_dim=2048, norm_cfg=dict(type='BN3d'))),
    cls_head=dict(in_channels=512))
inputs = dict(resize=[dict(type='Resize', scale=(40, 40), keep_ratio=False)])

train_dataloader = dict(batch_size=6, num_workers=0, persistent_workers=False)
val_dataloader = train_dataloader
test_dataloader = train_dataloader

auto_scale_lr = dict(base_batch_size=6)
train_cfg = dict(max_iters=160, val_interval=160)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
    dict(type='CosineAnnealingLR', by_epoch=False)]
optim_wrapper = dict(_delete_=True, optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.01))
