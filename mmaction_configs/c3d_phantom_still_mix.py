"""How much of that is the stills, not their motion?  Compare with c3d_phantom_lddm_mix.py."""
_base_ = './c3d_phantom_real.py'
from lddm_aug.datasets.training_sets import still_mix

train_dataloader = dict(dataset=still_mix(_base_))
