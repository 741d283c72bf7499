"""More clips a step, and more steps: for one GPU."""
_base_ = './train_autoencoder.py'

train_dataloader = dict(batch_size=8)
train_cfg = dict(max_iters=1500, val_interval=1500)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
