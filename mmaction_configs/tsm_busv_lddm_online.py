"""Do clips synthesized anew in every epoch help more?  Compare with tsm_busv_lddm_mix.py."""
_base_ = './tsm_busv_real.py'
from lddm_aug.datasets.training_sets import lddm_online

train_dataloader = dict(dataset=lddm_online(_base_))
