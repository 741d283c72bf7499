"""Is it enough to draw each real clip twice?  Compare with c3d_busv_lddm_mix.py."""
_base_ = './c3d_busv_real.py'
from lddm_aug.datasets.training_sets import real_twice

train_dataloader = dict(dataset=real_twice(_base_))
