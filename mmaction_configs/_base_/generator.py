"""What the recipes of all generators have: the runtime, and clips of the data in the chosen shape.

DATASET or DATA chooses the data; SIZE, FRAMES, STRIDE and SPLIT the shape and the split.
"""
_base_ = './datasets/{{$DATASET:folder}}.py'

default_scope = 'mmaction'
custom_imports = dict(imports=['lddm_aug'])

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='SafeCheckpointHook', by_epoch=False, interval=200, max_keep_ckpts=1),
    sampler_seed=dict(type='DistSamplerSeedHook'))
custom_hooks = [
    dict(type='DataGuardHook'), dict(type='IterationSeedHook'), dict(type='FiniteLossHook')]
visualizer = dict(type='Visualizer', vis_backends=[
    dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
log_processor = dict(type='LogProcessor', by_epoch=False, window_size=50)
env_cfg = dict(cudnn_benchmark=False, mp_cfg=dict(mp_start_method='fork'))
randomness = dict(seed=0)

# what a generator makes: 16 frames, taken uniformly from segments of 48, by default
clip = dict(size=_base_.data.size, num_frames=_base_.data.num_frames,
            frame_stride=_base_.data.frame_stride)
__segment = dict(type='SampleSegment', num_frames=clip['num_frames'],
                 segment_length=clip['num_frames'] * clip['frame_stride'])
train_clips = dict(_base_.data.real, pipeline=[
    dict(type='ReadVideo', size=clip['size'], channels=1, cache=True), __segment,
    dict(type='FlipClip', probability=0.5), dict(type='PackClip')])
test_clips = dict(_base_.data.held_out, pipeline=[
    dict(type='ReadVideo', size=clip['size'], channels=1), dict(__segment, test_mode=True),
    dict(type='PackClip')])
