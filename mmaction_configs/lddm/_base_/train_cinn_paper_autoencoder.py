"""Two clips a step: a step costs as much as dozens of LDDM's autoencoder's.

With the flow it takes five times as long as LDDM's training does.
"""
_base_ = './train_autoencoder.py'

train_dataloader = dict(batch_size=2)
train_cfg = dict(max_iters=450, val_interval=1000)   # validated at the end
optim_wrapper = dict(optimizer=dict(lr=5e-4, betas=(0.5, 0.9)))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, end=20, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.02, by_epoch=False)]
