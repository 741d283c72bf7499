"""What does TSM reach with the phantom's real sweeps alone?  Small, from scratch, on a CPU."""
_base_ = [
    './_base_/models/tsm_small.py', './_base_/datasets/phantom.py', './_base_/default_runtime.py']
from lddm_aug.datasets.training_sets import loaders

train_dataloader, val_dataloader, test_dataloader = loaders(_base_)
