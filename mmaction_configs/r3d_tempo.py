"""What does a small 3D ResNet see that is taught playback rates?  For Fréchet distances.

DATASET, or DATA, names the data.
"""
_base_ = [
    './_base_/models/r3d.py', './_base_/datasets/{{$DATASET:folder}}.py',
    './_base_/default_runtime.py']
from lddm_aug.configs import fill
from lddm_aug.datasets.training_sets import loaders

model = dict(cls_head=dict(num_classes=4))

__seen = dict(iterations=300) | _base_.data.get('tempo', {})      # otherwise than by recognizers
__iterations = __seen.pop('iterations')
# the test's clips keep their playback rate: what is generated is looked at as it is
train_dataloader, val_dataloader, test_dataloader = loaders(
    _base_, sample=[dict(type='SamplePlaybackRate', num_frames=16), dict(type='ArrayDecode')],
    sample_test=_base_.inputs.sample, **__seen)
val_evaluator = dict(_delete_=True, type='AccMetric', metric_list=('top_k_accuracy',),
                     metric_options=dict(top_k_accuracy=dict(topk=(1,))))
custom_hooks = [dict(type='DataGuardHook', own_labels=True), *_base_.custom_hooks[1:]]

train_cfg = dict(max_iters=__iterations, val_interval=__iterations)
work_dir = fill(_base_.data.recognizers, recognizer='r3d', training_set='tempo')
