"""How much of that is the stills, not their motion?  Compare with atmnet_busv_lddm_mix.py."""
_base_ = './atmnet_busv_lddm_mix.py'
train_dataloader = dict(dataset=dict(synthetic=_base_.still_clips))
