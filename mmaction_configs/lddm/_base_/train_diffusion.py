model = dict(
    type='LatentDiffusion', drop_still=0.1, noise=dict(target='flow'),
    denoiser=dict(still_widths=(16, 32, 64), width=128, depth=4, heads=4, dropout=0.1))
generator = dict(type='LDDMGenerator', num_frames=16, frame_stride=3, steps=10, guidance=1.0)

train_dataloader = dict(
    batch_size=16, num_workers=0, collate_fn=dict(type='default_collate'),
    sampler=dict(type='InfiniteSampler'), dataset=dict(type='LatentDataset', draws=8))

train_cfg = dict(type='IterBasedTrainLoop', max_iters=1000)
optim_wrapper = dict(
    type='OptimWrapper', clip_grad=dict(max_norm=1.0),
    optimizer=dict(type='AdamW', lr=2e-3, betas=(0.9, 0.99), weight_decay=1e-2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min_ratio=0.02, by_epoch=False)]
average_hook = dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.005)
