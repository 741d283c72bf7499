"""Does one generated clip per real clip help TDN?  Compare with tdn_busv_real.py."""
_base_ = './tdn_busv_real.py'
from lddm_aug.datasets.training_sets import lddm_mix

train_dataloader = dict(dataset=lddm_mix(_base_))
