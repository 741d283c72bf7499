"""What does the phantom's small TSM reach with lung videos alone?  It sees motion too."""
_base_ = [
    './_base_/models/tsm_small.py', './_base_/datasets/covid_blues.py',
    './_base_/default_runtime.py']
from lddm_aug.datasets.training_sets import loaders

model = dict(cls_head=dict(
    loss_cls=dict(type='CrossEntropyLoss', class_weight=(1.34, 0.80))))   # 40 and 67 videos

train_dataloader, val_dataloader, test_dataloader = loaders(
    _base_, resize=[dict(type='Resize', scale=(56, 56), keep_ratio=False)],
    see=[dict(type='FrameDifferences', gain=4., channels=(1, 2))])
for __loader in (train_dataloader, val_dataloader, test_dataloader):
    __loader['batch_size'] = 16

train_cfg = dict(max_iters=100, val_interval=100)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
