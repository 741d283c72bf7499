"""What does a small 3D ResNet see that only looks at motion?  For Fréchet distances."""
_base_ = ['./r3d_phantom_real.py']

model = dict(cls_head=dict(num_classes=4))

tempo = [dict(type='SampleTempo', num_frames=16), dict(type='ArrayDecode')]
tempo_centre = [dict(type='SampleTempo', num_frames=16, test_mode=True), dict(type='ArrayDecode')]
train_dataloader = dict(dataset=dict(
    pipeline=_base_.read + tempo + _base_.augment + _base_.resize + _base_.pack))
# the test's pipeline stays: clips are looked at as they are
val_dataloader = dict(dataset=dict(
    pipeline=_base_.read + tempo_centre + _base_.resize + _base_.pack))
val_evaluator = dict(_delete_=True, type='AccMetric', metric_list=('top_k_accuracy',),
                     metric_options=dict(top_k_accuracy=dict(topk=(1,))))
custom_hooks = [dict(type='DataGuardHook', own_labels=True), *_base_.custom_hooks[1:]]

train_cfg = dict(max_iters=300, val_interval=300)
