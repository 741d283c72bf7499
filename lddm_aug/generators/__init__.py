"""A still and a seed in, a clip out.  All files here are read, so a new generator is a new file."""
from lddm_aug.discovery import import_submodules
from lddm_aug.generators.base import Generator, LatentGenerator
from lddm_aug.generators.cinn import CINNGenerator
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.generators.motion_transfer import MotionTransfer
from lddm_aug.generators.noisy_still import NoisyStill
from lddm_aug.generators.package import load_package, save_package
from lddm_aug.generators.random_warp import RandomWarp
from lddm_aug.generators.repeat_still import RepeatStill

__all__ = ['CINNGenerator', 'Generator', 'LDDMGenerator', 'LatentGenerator', 'MotionTransfer',
           'NoisyStill', 'RandomWarp', 'RepeatStill', 'load_package', 'save_package']

import_submodules(__name__)
