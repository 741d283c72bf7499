"""Which latents go with a lung's still, learnt as the paper's baseline learns it?"""
_base_ = ['./_base_/runtime.py', './_base_/autoencoder_64.py', './_base_/clips_covid_blues.py',
          './_base_/train_flow.py']

model = dict(autoencoder=_base_.autoencoder)
generator = dict(size=64)
train_dataloader = dict(dataset=dict(clips=_base_.train_clips, autoencoder=_base_.autoencoder))
custom_hooks = _base_.custom_hooks + [_base_.average_hook]
default_hooks = dict(preview=dict(_base_.preview_hook, clips=_base_.test_clips))
