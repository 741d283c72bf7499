"""Must motion be learned, or does a training video's do?  Compare with tdn_busv_lddm_mix.py."""
_base_ = './tdn_busv_real.py'
from lddm_aug.datasets.training_sets import transfer_mix

train_dataloader = dict(dataset=transfer_mix(_base_))
