"""What do generated clips teach C3D without any real one?  Compare with c3d_busv_real.py."""
_base_ = './c3d_busv_real.py'
train_dataloader = dict(dataset=dict(
    _delete_=True, **_base_.lddm_clips, pipeline=_base_.train_pipeline))
