"""How well does cINN's own autoencoder, as published, rebuild a lung's sweep?"""
_base_ = ['./_base_/runtime.py', './_base_/cinn_paper_64.py', './_base_/clips_covid_blues.py',
          './_base_/train_cinn_paper_autoencoder.py']

model = _base_.autoencoder
train_dataloader = dict(dataset=_base_.train_clips)
val_dataloader = dict(dataset=_base_.test_clips)
train_cfg = dict(max_iters=720)
default_hooks = dict(logger=dict(interval=10))
