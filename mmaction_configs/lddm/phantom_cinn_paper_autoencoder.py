"""How well does cINN's own autoencoder, as published, rebuild a phantom's sweep?"""
_base_ = ['./_base_/runtime.py', './_base_/cinn_paper_64.py', './_base_/clips_phantom.py',
          './_base_/train_cinn_paper_autoencoder.py']

model = _base_.autoencoder
train_dataloader = dict(dataset=_base_.train_clips)
val_dataloader = dict(dataset=_base_.test_clips)
default_hooks = dict(logger=dict(interval=10))
