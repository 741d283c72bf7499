"""LDDM: how well do a still and a small latent rebuild a clip, and which latents go with a still?

A clip of up to 64 × 64 pixels is for a CPU, a larger one for one GPU.  Where the data's `plan` says
so, a stage is trained otherwise than here.
"""
_base_ = '../_base_/generator.py'

__small, __plan = _base_.clip.size <= 64, _base_.data.get('plan', {})
__collate = dict(type='default_collate')

# latents of 16 × 4 × 8 × 8 for clips of 1 × 16 × 64 × 64, or 128 × 128
still_widths = (16, 32, 64) if __small else (16, 32, 64, 96)
autoencoder = dict(
    type='VideoAutoencoder', channels=1, latent_channels=16, kl_weight=1e-5,
    encoder=dict(width=16 if __small else 32, time_strides=(2, 1, 2, 1, 1),
                 space_strides=(2, 1, 2, 2, 1) if __small else (2, 2, 2, 2, 1)),
    decoder=dict(widths=still_widths, time_compression=4, head='motion'),
    grain=dict(num_frames=_base_.clip.num_frames, size=_base_.clip.size))

__first = dict(
    loader=dict(batch_size=4 if __small else 8, num_workers=0),
    iterations=400 if __small else 1500, lr=2e-3 if __small else 1e-3,
) | __plan.get('autoencoder', {})
__second = dict(
    loader=dict(batch_size=16), draws=8, iterations=1000 if __small else 3000, lr=2e-3,
    momentum=0.005,
) | __plan.get('latents', {})

stages = dict(
    autoencoder=dict(
        model=autoencoder,
        train_dataloader=dict(
            **__first['loader'], collate_fn=__collate,
            sampler=dict(type='EpochSampler', endless=True), dataset=_base_.train_clips),
        val_dataloader=dict(
            batch_size=8, num_workers=0, collate_fn=__collate,
            sampler=dict(type='DefaultSampler', shuffle=False), dataset=_base_.test_clips),
        val_evaluator=dict(type='ReconstructionMetric'),
        train_cfg=dict(
            type='IterBasedTrainLoop', max_iters=__first['iterations'],
            val_interval=__first.get('every', __first['iterations'] // (2 if __small else 1))),
        val_cfg=dict(type='ValLoop'),
        optim_wrapper=dict(
            type='OptimWrapper', clip_grad=dict(max_norm=1.0), optimizer=dict(
                type='AdamW', lr=__first['lr'], betas=(0.9, 0.99), weight_decay=1e-4)),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.02, end=50, by_epoch=False),
            dict(type='CosineAnnealingLR', eta_min_ratio=0.02, by_epoch=False)],
        default_hooks=dict(
            checkpoint=dict(interval=__first.get('every', 200)),
            preview=dict(type='PreviewHook', interval=__first.get('every', 500)))),
    diffusion=dict(
        model=dict(
            type='LatentDiffusion', autoencoder=autoencoder, drop_still=0.1,
            noise=dict(target='flow'),
            denoiser=dict(still_widths=still_widths, width=128, depth=4, heads=4, dropout=0.1)
            | __plan.get('denoiser', {})),
        generator=dict(type='LDDMGenerator', **_base_.clip, steps=10, guidance=1.0),
        train_dataloader=dict(
            **__second['loader'], num_workers=0, collate_fn=__collate,
            sampler=dict(type='InfiniteSampler'), dataset=dict(
                type='LatentDataset', clips=_base_.train_clips, autoencoder=autoencoder,
                draws=__second['draws'])),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=__second['iterations']),
        optim_wrapper=dict(
            type='OptimWrapper', clip_grad=dict(max_norm=1.0), optimizer=dict(
                type='AdamW', lr=__second['lr'], betas=(0.9, 0.99), weight_decay=1e-2)),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.02, end=50, by_epoch=False),
            dict(type='CosineAnnealingLR', eta_min_ratio=0.02, by_epoch=False)],
        custom_hooks=[*_base_.custom_hooks, dict(
            type='EMAHook', ema_type='ExponentialMovingAverage', momentum=__second['momentum'])],
        default_hooks=dict(
            checkpoint=dict(interval=__second.get('every', 200)),
            preview=dict(type='PreviewHook', interval=__second.get('every', 500),
                         clips=_base_.test_clips))))
