"""How well does cINN's own autoencoder, as published, rebuild a breast sweep?  For one GPU."""
_base_ = ['./_base_/runtime.py', './_base_/cinn_paper_128.py', './_base_/clips_busv.py',
          './_base_/train_cinn_paper_autoencoder.py']

model = _base_.autoencoder
train_dataloader = dict(
    batch_size=8, num_workers=4, persistent_workers=True, dataset=_base_.train_clips)
val_dataloader = dict(dataset=_base_.test_clips)
train_cfg = dict(max_iters=20000, val_interval=2000)
optim_wrapper = dict(optimizer=dict(lr=2e-4))
default_hooks = dict(checkpoint=dict(interval=2000))
