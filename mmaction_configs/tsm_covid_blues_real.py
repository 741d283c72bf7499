"""What does the phantom's small TSM reach with lung videos alone?  It sees motion too."""
_base_ = ['./tsm_phantom_real.py']

model = dict(cls_head=dict(
    loss_cls=dict(type='CrossEntropyLoss', class_weight=(1.34, 0.80))))   # 40 and 67 videos

lungs = dict(ann_file='data/covid_blues/videos.csv', classes=('0', '1'))
# how a lung looks differs more from patient to patient than with its B-lines; how it moves doesn't
see = [dict(type='ColorJitter', brightness=0.3, contrast=0.3, saturation=0, hue=0),
       dict(type='Resize', scale=(56, 56), keep_ratio=False),
       dict(type='FrameDifferences', gain=4., channels=(1, 2))]
train_pipeline = _base_.read + _base_.sample + _base_.augment + see + _base_.pack
test_pipeline = _base_.read + _base_.sample_centre + see[1:] + _base_.pack

train_dataloader = dict(batch_size=16, dataset=dict(**lungs, pipeline=train_pipeline))
val_dataloader = dict(batch_size=16, dataset=dict(**lungs, pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_iters=100, val_interval=100)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
