"""Which vectors go with a phantom's still, in the baseline as published?"""
_base_ = ['./_base_/runtime.py', './_base_/cinn_paper_64.py', './_base_/clips_phantom.py',
          './_base_/train_cinn_paper_flow.py']

model = dict(autoencoder=_base_.autoencoder)
generator = dict(size=64)
train_dataloader = dict(dataset=dict(clips=_base_.train_clips, autoencoder=_base_.autoencoder))
custom_hooks = _base_.custom_hooks + [_base_.average_hook]
