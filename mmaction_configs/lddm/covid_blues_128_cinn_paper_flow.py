"""Which vectors go with a lung's still at 128 × 128, in the published baseline?  For one GPU."""
_base_ = ['./_base_/runtime.py', './_base_/cinn_paper_128.py', './_base_/clips_covid_blues_128.py',
          './_base_/train_cinn_paper_flow.py']

model = dict(autoencoder=_base_.autoencoder, still_widths=(16, 32, 64, 64, 64, 64, 64))
generator = dict(size=128)
train_dataloader = dict(dataset=dict(clips=_base_.train_clips, autoencoder=_base_.autoencoder))
train_cfg = dict(max_iters=1800)
custom_hooks = _base_.custom_hooks + [_base_.average_hook]
