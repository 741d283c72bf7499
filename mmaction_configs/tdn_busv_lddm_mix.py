"""Does one generated clip per real clip help TDN?  Compare with tdn_busv_real.py."""
_base_ = './tdn_busv_real.py'
train_dataloader = dict(dataset=dict(
    _delete_=True, type='LDDMMixedDataset', synthetic_per_real=1.0,
    real=_base_.train_dataloader.dataset,
    synthetic=dict(**_base_.lddm_clips, pipeline=_base_.train_pipeline)))
