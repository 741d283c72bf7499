"""How well do a still and a small latent rebuild a phantom's sweep?"""
_base_ = ['./_base_/runtime.py', './_base_/autoencoder_64.py', './_base_/clips_phantom.py']

model = _base_.autoencoder

train_dataloader = dict(
    batch_size=8, num_workers=0, collate_fn=dict(type='default_collate'),
    sampler=dict(type='EpochSampler', endless=True), dataset=_base_.train_clips)
val_dataloader = dict(
    batch_size=8, num_workers=0, collate_fn=dict(type='default_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False), dataset=_base_.test_clips)
val_evaluator = dict(type='ReconstructionMetric')

iterations = 500
train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=250)
val_cfg = dict(type='ValLoop')
optim_wrapper = dict(
    type='OptimWrapper', clip_grad=dict(max_norm=1.0),
    optimizer=dict(type='AdamW', lr=2e-3, betas=(0.9, 0.99), weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=iterations, eta_min_ratio=0.02, by_epoch=False)]
