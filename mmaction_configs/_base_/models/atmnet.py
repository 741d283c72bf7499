"""ATMNet: TSM's frames and budget; each frame is seen by itself, and the scores are averaged.

`along_time=True` lets the frames see each other.  Weights trained on ImageNet come from
microsoft/ActiveMLP by hand: `model.backbone.pretrained=FILE`.
"""
_base_ = './tsm.py'

model = dict(
    type='SegmentRecognizer',
    backbone=dict(_delete_=True, type='ATMNet', arch='xT', num_segments=8),
    cls_head=dict(in_channels=512))

optim_wrapper = dict(
    _delete_=True, type='OptimWrapper', clip_grad=dict(max_norm=20, norm_type=2),
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0.))
