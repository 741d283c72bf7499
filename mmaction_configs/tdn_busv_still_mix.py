"""How much of that is the stills, not their motion?  Compare with tdn_busv_lddm_mix.py."""
_base_ = './tdn_busv_lddm_mix.py'
train_dataloader = dict(dataset=dict(synthetic=_base_.still_clips))
