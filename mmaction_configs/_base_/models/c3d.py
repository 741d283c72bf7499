"""MMAction2's C3D, with two classes and a budget in iterations, the same for every training set."""
_base_ = 'mmaction::recognition/c3d/c3d_sports1m-pretrained_8xb30-16x1x1-45e_ucf101-rgb.py'

model = dict(
    cls_head=dict(num_classes=2, topk=(1,)), data_preprocessor=dict(type='LDDMDataPreprocessor'))

# of a pipeline: read + sample + augment + resize + see + pack; the others come with the data
inputs = dict(
    sample=[dict(type='SampleSegment', num_frames=16), dict(type='ArrayDecode')],
    resize=[dict(type='Resize', scale=(112, 112), keep_ratio=False)],
    pack=[
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', meta_keys=('filename', 'group', 'origin'))])

train_pipeline = val_pipeline = test_pipeline = None     # inherited, and of other data
train_dataloader = dict(
    _delete_=True, batch_size=16, num_workers=4, persistent_workers=True,
    sampler=dict(type='EpochSampler', shuffle=True, endless=True))
val_dataloader = dict(
    _delete_=True, batch_size=16, num_workers=4, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='RecognitionMetric')
test_evaluator = val_evaluator

train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=2400, val_interval=400)
auto_scale_lr = dict(base_batch_size=16)             # for --auto-scale-lr
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False)]

# the last checkpoint counts: val_evaluator sees the test videos, which must not choose it
default_hooks = dict(checkpoint=dict(
    _delete_=True, type='SafeCheckpointHook', by_epoch=False, interval=400, max_keep_ckpts=1))
log_processor = dict(by_epoch=False)
