"""What does the phantom's small C3D reach with lung videos alone?  It sees more pixels."""
_base_ = ['./c3d_phantom_real.py']

lungs = dict(ann_file='data/covid_blues/videos.csv', classes=('0', '1'))
resize = [dict(type='Resize', scale=(56, 56), keep_ratio=False)]
train_pipeline = _base_.read + _base_.sample + _base_.augment + resize + _base_.pack
test_pipeline = _base_.read + _base_.sample_centre + resize + _base_.pack

train_dataloader = dict(batch_size=8, dataset=dict(**lungs, pipeline=train_pipeline))
val_dataloader = dict(batch_size=8, dataset=dict(**lungs, pipeline=test_pipeline))
test_dataloader = val_dataloader

train_cfg = dict(max_iters=240, val_interval=240)
