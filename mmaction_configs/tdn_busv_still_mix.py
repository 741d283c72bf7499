"""How much of that is the stills, not their motion?  Compare with tdn_busv_lddm_mix.py."""
_base_ = './tdn_busv_real.py'
from lddm_aug.datasets.training_sets import still_mix

train_dataloader = dict(dataset=still_mix(_base_))
