"""Which latents go with a phantom's still at 128 × 128?  For one GPU."""
_base_ = ['./_base_/runtime.py', './_base_/autoencoder_128.py', './_base_/clips_phantom_128.py',
          './_base_/train_diffusion_128.py']

model = dict(autoencoder=_base_.autoencoder)
train_dataloader = dict(dataset=dict(clips=_base_.train_clips, autoencoder=_base_.autoencoder))
custom_hooks = _base_.custom_hooks + [_base_.average_hook]
default_hooks = dict(preview=dict(_base_.preview_hook, clips=_base_.test_clips))
