"""What do generated clips teach ATMNet without any real one?  Compare with atmnet_busv_real.py."""
_base_ = './atmnet_busv_real.py'
from lddm_aug.datasets.training_sets import synthetic

train_dataloader = dict(dataset=synthetic(_base_))
