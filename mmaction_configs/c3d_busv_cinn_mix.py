"""Do the clips of cINN, the paper's baseline, help?  Compare with c3d_busv_lddm_mix.py."""
_base_ = './c3d_busv_real.py'
from lddm_aug.datasets.training_sets import cinn_mix

train_dataloader = dict(dataset=cinn_mix(_base_))
