"""What does TDN reach with BUSV's real videos alone?  The other tdn_busv_*.py compare with this."""
_base_ = ['./_base_/models/tdn.py', './_base_/datasets/busv.py', './_base_/default_runtime.py']
from lddm_aug.datasets.training_sets import loaders

train_dataloader, val_dataloader, test_dataloader = loaders(_base_)
