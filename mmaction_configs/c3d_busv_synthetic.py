"""What do generated clips teach C3D without any real one?  Compare with c3d_busv_real.py."""
_base_ = './c3d_busv_real.py'
from lddm_aug.datasets.training_sets import synthetic

train_dataloader = dict(dataset=synthetic(_base_))
