"""What do generated clips teach TDN without any real one?  Compare with tdn_busv_real.py."""
_base_ = './tdn_busv_real.py'
train_dataloader = dict(dataset=dict(
    _delete_=True, **_base_.lddm_clips, pipeline=_base_.train_pipeline))
