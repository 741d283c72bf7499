"""What do generated clips teach TSM without any real one?  Compare with tsm_busv_real.py."""
_base_ = './tsm_busv_real.py'
from lddm_aug.datasets.training_sets import synthetic

train_dataloader = dict(dataset=synthetic(_base_))
