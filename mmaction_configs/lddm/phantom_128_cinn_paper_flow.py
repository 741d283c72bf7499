"""Which vectors go with a phantom's still at 128 × 128, in the published baseline?  For one GPU."""
_base_ = ['./_base_/runtime.py', './_base_/cinn_paper_128.py', './_base_/clips_phantom_128.py',
          './_base_/train_cinn_paper_flow_128.py']

model = dict(autoencoder=_base_.autoencoder)
train_dataloader = dict(dataset=dict(clips=_base_.train_clips, autoencoder=_base_.autoencoder))
custom_hooks = _base_.custom_hooks + [_base_.average_hook]
