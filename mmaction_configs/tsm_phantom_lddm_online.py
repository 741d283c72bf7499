"""Do clips synthesized anew in every epoch help more?  Compare with tsm_phantom_lddm_mix.py."""
_base_ = './tsm_phantom_real.py'
from lddm_aug.datasets.training_sets import lddm_online

train_dataloader = dict(dataset=lddm_online(_base_))
