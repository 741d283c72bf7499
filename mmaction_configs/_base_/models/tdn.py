"""TDN: TSM's budget and pipeline, but eight windows of five frames and motion by differences."""
_base_ = './tsm.py'

model = dict(
    type='SegmentRecognizer',
    backbone=dict(
        _delete_=True, type='TDN', depth=50, num_segments=8, pretrained='torchvision://resnet50'))

# the windows overlap in the 16 frames that C3D sees
inputs = dict(
    sample=[dict(type='SampleSegment', num_frames=16), dict(type='ArrayDecode')],
    pack=[
        dict(type='TakeWindows', num_windows=8, window_length=5),
        dict(type='FormatShape', input_format='NCHW'),
        dict(type='PackActionInputs', meta_keys=('filename', 'group', 'origin'))])

optim_wrapper = dict(paramwise_cfg=dict(fc_lr5=False), optimizer=dict(weight_decay=5e-4))
