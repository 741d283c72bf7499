"""Do the clips of cINN, the paper's baseline, help?  Compare with tsm_busv_lddm_mix.py."""
_base_ = './tsm_busv_lddm_mix.py'
train_dataloader = dict(dataset=dict(synthetic=_base_.cinn_clips))
