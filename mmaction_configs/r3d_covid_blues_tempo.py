"""What does a small 3D ResNet see that is shown nothing but motion?  For Fréchet distances."""
_base_ = ['./r3d_covid_blues_real.py']

model = dict(cls_head=dict(num_classes=4))

tempo = [dict(type='SampleTempo', num_frames=16), dict(type='ArrayDecode')]
tempo_centre = [dict(type='SampleTempo', num_frames=16, test_mode=True), dict(type='ArrayDecode')]
# from frame to frame a lung changes by two grey levels, which a network that sees frames overlooks
differences = _base_.resize + [dict(type='FrameDifferences')] + _base_.pack
train_dataloader = dict(dataset=dict(pipeline=_base_.read + tempo + _base_.augment + differences))
val_dataloader = dict(dataset=dict(pipeline=_base_.read + tempo_centre + differences))
# the test's clips keep their tempo: what is generated is looked at as it is
test_dataloader = dict(dataset=dict(
    pipeline=_base_.read + _base_.sample_centre + differences))
val_evaluator = dict(_delete_=True, type='AccMetric', metric_list=('top_k_accuracy',),
                     metric_options=dict(top_k_accuracy=dict(topk=(1,))))
custom_hooks = [dict(type='DataGuardHook', own_labels=True), *_base_.custom_hooks[1:]]
