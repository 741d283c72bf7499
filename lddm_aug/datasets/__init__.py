"""Datasets for training and test.

    visits.py           randomness of every visit of a sample …
    epoch_sampler.py    … and its reproduction from seed, epoch and position
    quarantine.py       samples that a training can't read, and leaves out up to a share
    labelled_dataset.py, table_dataset.py  base classes of the next ones
    video_clips.py      real videos
    stills.py           labelled stills, for synthesis on the fly
    replay.py, deferred_clip.py  what was drawn for a clip that is made on the training device …
    lddm_data_preprocessor.py    … and the data preprocessor that makes it there
    synthetic_clips.py  generated clips, read from their store
    mixed.py            real and synthetic clips at a given ratio, for training only
    leaves.py           access to datasets inside wrappers
    shared_files.py     files that two datasets have in common
    latents.py          clips encoded once, for the training of a latent model
    trajectories.py     a diffusion's ways from noise to latents, for the training of its student
    transforms/         the transforms of a pipeline
"""
from lddm_aug.datasets import transforms
from lddm_aug.datasets.epoch_sampler import EpochSampler
from lddm_aug.datasets.latents import LatentDataset
from lddm_aug.datasets.lddm_data_preprocessor import LDDMDataPreprocessor
from lddm_aug.datasets.mixed import LDDMMixedDataset
from lddm_aug.datasets.stills import StillDataset
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.datasets.trajectories import TrajectoryDataset
from lddm_aug.datasets.video_clips import VideoClipDataset

__all__ = ['EpochSampler', 'LDDMDataPreprocessor', 'LDDMMixedDataset', 'LatentDataset',
           'StillDataset', 'SyntheticClipDataset', 'TrajectoryDataset', 'VideoClipDataset',
           'transforms']
