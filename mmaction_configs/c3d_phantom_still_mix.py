"""How much of that is the stills, not their motion?  Compare with c3d_phantom_lddm_mix.py."""
_base_ = './c3d_phantom_lddm_mix.py'
train_dataloader = dict(dataset=dict(synthetic=_base_.still_clips))
