"""How well do a still and a small latent rebuild a lung's sweep at 128 × 128?  For one GPU."""
_base_ = ['./_base_/runtime.py', './_base_/autoencoder_128.py', './_base_/clips_covid_blues_128.py',
          './_base_/train_autoencoder_128.py']

model = _base_.autoencoder
train_dataloader = dict(dataset=_base_.train_clips)
val_dataloader = dict(dataset=_base_.test_clips)
default_hooks = dict(preview=_base_.preview_hook)
