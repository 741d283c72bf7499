"""How well is any data set recognized, by any recognizer that was trained on any training set?

    lddm-aug train --recognizer c3d --training-set lddm_mix --data data/mine
    RECOGNIZER=c3d TRAINING_SET=lddm_mix DATA=data/mine python tools/train.py \\
        mmaction_configs/recognizer.py

RECOGNIZER is a file in _base_/models, DATASET one in _base_/datasets (`folder`, which reads DATA,
by default), and TRAINING_SET a function of lddm_aug/datasets/training_sets.py.
"""
_base_ = [
    './_base_/models/{{$RECOGNIZER:tsm}}.py', './_base_/datasets/{{$DATASET:folder}}.py',
    './_base_/default_runtime.py']
from lddm_aug.configs import fill
from lddm_aug.datasets.training_sets import loaders

model = dict(cls_head=dict(num_classes=len(_base_.data.classes or ('0', '1'))))
train_dataloader, val_dataloader, test_dataloader = loaders(_base_, '{{$TRAINING_SET:real}}')
work_dir = fill(_base_.data.recognizers, recognizer='{{$RECOGNIZER:tsm}}',
                training_set='{{$TRAINING_SET:real}}')
