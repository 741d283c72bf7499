"""What do generated clips teach ATMNet without any real one?  Compare with atmnet_busv_real.py."""
_base_ = './atmnet_busv_real.py'
train_dataloader = dict(dataset=dict(
    _delete_=True, **_base_.lddm_clips, pipeline=_base_.train_pipeline))
