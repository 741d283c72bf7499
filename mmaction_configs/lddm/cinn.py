"""cINN, the paper's baseline, on LDDM's autoencoder: which latents does a flow give a still?

It is trained on what LDDM's diffusion is trained on, by the same recipe.
"""
_base_ = './lddm.py'

__small, __diffusion = _base_.clip.size <= 64, _base_.stages.diffusion
__plan = dict(iterations=600 if __small else 1800, lr=1e-3, momentum=0.01) | _base_.data.get(
    'plan', {}).get('latents', {})
__optimizer = dict(__diffusion.optim_wrapper.optimizer, lr=__plan['lr'])
*__guards, __average = __diffusion.custom_hooks

stages = dict(
    _delete_=True, autoencoder=_base_.stages.autoencoder,
    flow=dict(
        __diffusion,
        model=dict(
            type='LatentFlow', autoencoder=_base_.autoencoder, still_widths=_base_.still_widths,
            noise=0.05, flow=dict(blocks=8, hidden=64, depth=1, kernel=3, dropout=0.1)),
        generator=dict(type='CINNGenerator', **_base_.clip, temperature=1.0),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=__plan['iterations']),
        optim_wrapper=dict(__diffusion.optim_wrapper, optimizer=__optimizer),
        custom_hooks=[*__guards, dict(__average, momentum=__plan['momentum'])]))
