"""cINN as published: how well does it rebuild clips, and which vectors go with a still?

Two clips a step on a CPU: a step costs as much as dozens of those of LDDM's autoencoder, and with
the flow it takes five times as long as LDDM's training does.
"""
_base_ = './cinn.py'

__small, __size = _base_.clip.size <= 64, _base_.clip.size
__first, __flow = _base_.stages.autoencoder, _base_.stages.flow
__plan = _base_.data.get('plan', {})
__trained = dict(
    loader=dict(batch_size=2 if __small else 8, num_workers=0), iterations=450 if __small else 600,
    lr=5e-4,
) | __plan.get('autoencoder', {}) | __plan.get('cinn_paper_autoencoder', {})
__latents = dict(draws=4, lr=2e-4) | __plan.get('latents', {})

# Vectors of 64 for clips of 1 × 16 × 128 × 128.  For 64 × 64 the authors doubled its widths
# (385 GFLOP a clip), which no CPU trains; here they are those of 128 × 128.
autoencoder = dict(
    _delete_=True, type='CINNAutoencoder', num_frames=_base_.clip.num_frames, size=__size,
    space_strides=(2, 1, 2, 2, 2) if __small else (2, 2, 2, 2, 2), width=32, channels=1,
    latent_channels=64, kl_weight=1e-7,
    # LPIPS is published with 30 beside an L1 of 10.  Its learned weights of such layers have means
    # of .07 to .11, which the plain distance lacks: 3 × .08.
    perceptual=None if '{{$VGG:none}}' == 'none' else dict(
        vgg='{{$VGG:none}}', weight=0.25, frames=4),
    adversarial=dict(spatial=0.1, temporal=0.1, matching=1.0, penalty=10.0,
                     width=32 if __small else 64))
__autoencoder = {key: value for key, value in autoencoder.items() if key != '_delete_'}

stages = dict(
    _delete_=True,
    autoencoder=dict(
        __first, model=__autoencoder,
        train_dataloader=dict(__first.train_dataloader, **__trained['loader']),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=__trained['iterations'],
                       val_interval=__trained.get('every', 1000)),       # also at the end
        optim_wrapper=dict(
            type='OptimWrapper', clip_grad=dict(max_norm=1.0), optimizer=dict(
                type='AdamW', lr=__trained['lr'], betas=(0.5, 0.9), weight_decay=1e-4)),
        param_scheduler=[
            dict(type='LinearLR', start_factor=0.02, end=20, by_epoch=False),
            dict(type='CosineAnnealingLR', eta_min_ratio=0.02, by_epoch=False)],
        default_hooks=dict(checkpoint=__first.default_hooks.checkpoint,
                           logger=dict(interval=10 if __small else 50))),
    # twenty blocks over a vector, from a still that is a vector too
    flow=dict(
        __flow,
        model=dict(
            type='LatentFlow', autoencoder=__autoencoder, noise=0.1,
            still_network=dict(type='StillResNet', channels=128, **__plan.get('still_network', {})),
            flow=dict(blocks=20, hidden=512, depth=2, kernel=1, dropout=0.1, separate=True)),
        train_dataloader=dict(__flow.train_dataloader, dataset=dict(
            __flow.train_dataloader.dataset, autoencoder=__autoencoder, draws=__latents['draws'])),
        optim_wrapper=dict(__flow.optim_wrapper, optimizer=dict(
            __flow.optim_wrapper.optimizer, lr=__latents['lr'])),
        default_hooks=dict(checkpoint=__flow.default_hooks.checkpoint)))
