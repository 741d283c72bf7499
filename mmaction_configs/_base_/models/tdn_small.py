"""TDN, narrower and shorter, from scratch, for a CPU."""
_base_ = './tdn.py'

model = dict(
    backbone=dict(pretrained=None, base_channels=8, stage_blocks=(1, 1, 1, 1)),
    cls_head=dict(in_channels=256, dropout_ratio=0.2))
inputs = dict(resize=[dict(type='Resize', scale=(64, 64), keep_ratio=False)])

train_dataloader = dict(batch_size=6, num_workers=0, persistent_workers=False)
val_dataloader = train_dataloader
test_dataloader = train_dataloader

auto_scale_lr = dict(base_batch_size=6)
train_cfg = dict(max_iters=120, val_interval=120)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
    dict(type='CosineAnnealingLR', by_epoch=False)]
optim_wrapper = dict(
    _delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01))
