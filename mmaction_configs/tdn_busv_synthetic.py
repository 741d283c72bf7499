"""What do generated clips teach TDN without any real one?  Compare with tdn_busv_real.py."""
_base_ = './tdn_busv_real.py'
from lddm_aug.datasets.training_sets import synthetic

train_dataloader = dict(dataset=synthetic(_base_))
