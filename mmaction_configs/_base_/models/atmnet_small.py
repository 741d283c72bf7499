"""ATMNet, narrower and shorter, whose frames see each other; from scratch, for a CPU."""
_base_ = './atmnet.py'

model = dict(
    backbone=dict(along_time=True, arch=dict(
        _delete_=True, depths=(2, 2, 2, 2), dims=(16, 32, 64, 128), mlp_ratios=(2, 2, 2, 2),
        interval=2)),
    cls_head=dict(in_channels=128, dropout_ratio=0.2))
inputs = dict(resize=[dict(type='Resize', scale=(64, 64), keep_ratio=False)])

train_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False)
val_dataloader = train_dataloader
test_dataloader = train_dataloader

auto_scale_lr = dict(base_batch_size=8)
train_cfg = dict(max_iters=100, val_interval=100)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
    dict(type='CosineAnnealingLR', by_epoch=False)]
optim_wrapper = dict(
    _delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
