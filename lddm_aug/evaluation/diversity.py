"""How much the clips of one still differ: DIV, in the three variants that cINN published.

Dorkenwald et al. 2021 call all three DIV; their paper and LDDM's don't say which was taken.  Each
is the mean over stills, and over the pairs of five clips of a still, of the mean squared
difference between features:

- of a VGG, frame by frame, the mean over its layers (they enlarge frames to 224 pixels);
- of an I3D trained on Kinetics;
- of an I3D trained on dynamic textures, times 1000.
"""
from __future__ import annotations

from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.evaluation.image_quality import later_frames
from lddm_aug.functional.pixels import to_unit
from lddm_aug.networks.vgg import VGGFeatures


def mean_squared_pairs(features: Tensor) -> float:
    """(S, …) features of S clips of one still → the mean over pairs and features.

    Raises:
        ValueError: for less than two clips.
    """
    if len(features) < 2:
        raise ValueError('DIV: compares clips of the same still and needs two, but got '
                         f'{len(features)}')
    return float(np.mean([(features[i] - features[j]).square().mean().item()
                          for i, j in combinations(range(len(features)), 2)]))


def feature_diversity(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """(stills, S, D) features of clips → DIV of each still."""
    return np.array([mean_squared_pairs(torch.from_numpy(samples)) for samples in features])


@torch.inference_mode()
def vgg_diversity(vgg: VGGFeatures, clips: Tensor, frames: int = 0) -> NDArray[np.float64]:
    """(stills, S, C, T, H, W) uint8 clips → DIV of each still, over `later_frames`."""
    chosen = later_frames(clips.shape[3], frames)
    device = vgg.mean.device
    found = []
    for samples in clips:                                          # (S, C, T, H, W)
        images = to_unit(samples[:, :, chosen]).transpose(1, 2)    # (S, frames, C, H, W)
        layers = vgg(images.flatten(0, 1).to(device))
        found.append(np.mean([mean_squared_pairs(layer.unflatten(0, images.shape[:2]))
                              for layer in layers]))
    return np.array(found)
