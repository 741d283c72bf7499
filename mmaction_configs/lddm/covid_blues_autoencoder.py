"""How well do a still and a small latent rebuild a lung sweep?"""
_base_ = ['./_base_/runtime.py', './_base_/autoencoder_64.py', './_base_/clips_covid_blues.py',
          './_base_/train_autoencoder.py']

model = _base_.autoencoder
train_dataloader = dict(dataset=_base_.train_clips)
val_dataloader = dict(dataset=_base_.test_clips)
default_hooks = dict(preview=_base_.preview_hook)
train_cfg = dict(max_iters=700, val_interval=350)
