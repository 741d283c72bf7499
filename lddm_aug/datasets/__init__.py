"""What training reads.

    visits.py           every visit of a sample draws for itself …
    epoch_sampler.py    … and can be drawn again by seed, epoch and position
    labelled_dataset.py, table_dataset.py  what the next ones share
    video_clips.py      real videos
    stills.py           labelled stills, for synthesis on the fly
    synthetic_clips.py  generated clips, read back from their store
    mixed.py            real + synthetic at a stated ratio, for training only
    leaves.py           what data sets that are made of others hold
    shared_files.py     which files two data sets have in common
    latents.py          clips encoded once, for the diffusion's training
    transforms/         what a sample goes through
"""
from lddm_aug.datasets import transforms
from lddm_aug.datasets.epoch_sampler import EpochSampler
from lddm_aug.datasets.latents import LatentDataset
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.datasets.stills import StillDataset
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.datasets.video_clips import VideoClipDataset

__all__ = ['EpochSampler', 'LDDMMixedDataset', 'LatentDataset', 'StillDataset',
           'SyntheticClipDataset', 'VideoClipDataset', 'transforms']
