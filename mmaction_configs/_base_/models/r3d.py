"""A small 3D ResNet: 64 features of 16 frames at 64 pixels, for Fréchet distances."""
_base_ = 'mmaction::_base_/default_runtime.py'

model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='ResNet3d', depth=18, pretrained=None, pretrained2d=False, base_channels=16,
        num_stages=3, out_indices=(2,), spatial_strides=(1, 2, 2), temporal_strides=(1, 2, 2),
        dilations=(1, 1, 1), inflate=(1, 1, 1), non_local=(0, 0, 0), conv1_kernel=(3, 7, 7),
        conv1_stride_t=1, with_pool2=False, zero_init_residual=False),
    cls_head=dict(type='I3DHead', in_channels=64, num_classes=2, spatial_type='avg',
                  dropout_ratio=0.3, topk=(1,), average_clips='prob'),
    data_preprocessor=dict(type='LDDMDataPreprocessor', mean=[127.5] * 3, std=[64.] * 3,
                           format_shape='NCTHW'))

# of a pipeline: read + sample + augment + resize + see + pack; the others come with the data
inputs = dict(
    sample=[dict(type='SampleSegment', num_frames=16), dict(type='ArrayDecode')],
    resize=[dict(type='Resize', scale=(64, 64), keep_ratio=False)],
    pack=[
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', meta_keys=('filename', 'group', 'origin'))])

train_dataloader = dict(
    batch_size=12, num_workers=0, persistent_workers=False,
    sampler=dict(type='EpochSampler', shuffle=True, endless=True))
val_dataloader = dict(
    batch_size=12, num_workers=0, persistent_workers=False,
    sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='RecognitionMetric')
test_evaluator = val_evaluator

train_cfg = dict(type='IterBasedTrainLoop', max_iters=200, val_interval=200)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.01), clip_grad=dict(max_norm=20))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=20),
    dict(type='CosineAnnealingLR', by_epoch=False)]

# the last checkpoint counts: val_evaluator sees the test videos, which must not choose it
default_hooks = dict(checkpoint=dict(
    _delete_=True, type='SafeCheckpointHook', by_epoch=False, interval=200, max_keep_ckpts=1))
log_processor = dict(by_epoch=False)
