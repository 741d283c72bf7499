"""Need motion be learnt, or may a training video's do?  Compare with c3d_busv_lddm_mix.py."""
_base_ = './c3d_busv_lddm_mix.py'
train_dataloader = dict(dataset=dict(synthetic=_base_.transfer_clips))
