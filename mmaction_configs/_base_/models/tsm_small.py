"""TSM with a quarter of its channels, from scratch, for a CPU."""
_base_ = './tsm.py'

model = dict(
    backbone=dict(
        _delete_=True, type='NarrowBackbone', divide=4,
        backbone=dict(
            type='ResNetTSM', depth=18, num_segments=8, pretrained=None, pretrained2d=False)),
    cls_head=dict(in_channels=128, dropout_ratio=0.2))
inputs = dict(resize=[dict(type='Resize', scale=(48, 48), keep_ratio=False)])

train_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False)
val_dataloader = train_dataloader
test_dataloader = train_dataloader

auto_scale_lr = dict(base_batch_size=8)
train_cfg = dict(max_iters=160, val_interval=160)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
    dict(type='CosineAnnealingLR', by_epoch=False)]
optim_wrapper = dict(_delete_=True, optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01))
