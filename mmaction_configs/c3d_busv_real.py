"""What does C3D reach with BUSV's real videos alone?  The other c3d_busv_*.py compare with this."""
_base_ = ['./_base_/models/c3d.py', './_base_/datasets/busv.py', './_base_/default_runtime.py']
from lddm_aug.datasets.training_sets import loaders

train_dataloader, val_dataloader, test_dataloader = loaders(_base_)
