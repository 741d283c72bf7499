"""More clips a step, and more steps: for one GPU."""
_base_ = './train_cinn_paper_autoencoder.py'

train_dataloader = dict(batch_size=8)
train_cfg = dict(max_iters=600)
