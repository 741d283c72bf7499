"""LDDM in two steps: does a student of its diffusion make as good clips in a fifth of the steps?

The student is a third stage.  The ten-step sampler of the second stays in the package.
"""
_base_ = './lddm.py'

__small, __diffusion = _base_.clip.size <= 64, _base_.stages.diffusion
__steps = dict(teacher_steps=10, student_steps=2)
__plan = dict(iterations=2400 if __small else 6000, lr=4e-4, paths=20000, momentum=0.005) | (
    _base_.data.get('plan', {}).get('distillation', {}))
*__guards, __average = __diffusion.custom_hooks

stages = dict(
    distillation=dict(
        __diffusion, teacher='diffusion', model=dict(type='DistilledDiffusion', **__steps),
        generator=dict(__diffusion.generator, sampler='Student', steps=__steps['student_steps']),
        train_dataloader=dict(
            __diffusion.train_dataloader, batch_size=16, dataset=dict(
                type='TrajectoryDataset', clips=_base_.train_clips, paths=__plan['paths'],
                **__steps)),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=__plan['iterations']),
        optim_wrapper=dict(__diffusion.optim_wrapper, optimizer=dict(
            __diffusion.optim_wrapper.optimizer, lr=__plan['lr'])),
        custom_hooks=[*__guards, dict(__average, momentum=__plan['momentum'])]))
