"""Which latents go with a phantom's still?"""
_base_ = ['./_base_/runtime.py', './_base_/autoencoder_64.py', './_base_/clips_phantom.py']

model = dict(
    type='LatentDiffusion', autoencoder=_base_.autoencoder, drop_still=0.1,
    denoiser=dict(still_widths=(16, 32, 64), width=128, depth=4, heads=4, dropout=0.1))
generator = dict(type='LDDMGenerator', size=64, num_frames=16, frame_stride=3, steps=10,
                 guidance=1.0)

train_dataloader = dict(
    batch_size=32, num_workers=0, collate_fn=dict(type='default_collate'),
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(type='LatentDataset', clips=_base_.train_clips, autoencoder=_base_.autoencoder,
                 draws=8))

iterations = 600
train_cfg = dict(type='IterBasedTrainLoop', max_iters=iterations, val_interval=250)
optim_wrapper = dict(
    type='OptimWrapper', clip_grad=dict(max_norm=1.0),
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.99), weight_decay=1e-2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=iterations, eta_min_ratio=0.02, by_epoch=False)]
custom_hooks = [dict(type='DataGuardHook'), dict(type='IterationSeedHook'),
                dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.01)]
