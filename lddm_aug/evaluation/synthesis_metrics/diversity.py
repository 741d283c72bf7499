"""How much the clips of one still differ: DIV, in the three variants that cINN published.

Dorkenwald et al. 2021 call all three DIV; their paper and LDDM's don't say which was taken.  Each
is the mean over stills, and over the pairs of five clips of a still, of the mean squared
difference between features:

- of a VGG, frame by frame, the mean over its layers (they enlarge frames to 224 pixels);
- of an I3D trained on Kinetics;
- of an I3D trained on dynamic textures, times 1000.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.evaluation.bootstrap import mean_interval
from lddm_aug.evaluation.clip_set import generate_clip_set
from lddm_aug.evaluation.image_quality import later_frames
from lddm_aug.evaluation.recognizer_features import FeatureNetwork
from lddm_aug.evaluation.synthesis_metrics.base import (
    Evaluation,
    Row,
    SynthesisMetric,
    evenly_spaced,
    register_metric,
)
from lddm_aug.functional.pixels import to_unit
from lddm_aug.networks.vgg import VGGFeatures

DTI3D_SCALE = 1000                                   # published DIV in DTI3D features is × 1000


@register_metric
class Diversity(SynthesisMetric):
    """DIV in the features of every network that is given.

    All are in `div_variants`; the first, whose name is `div_name`, stands for them as `div`.
    """

    name, title, better = 'div', 'DIV', 'higher'
    networks = ('vgg', 'i3d', 'dti3d', 'fd')
    variant = 'div_name'

    def measure(self, evaluation: Evaluation) -> dict[str, Any]:
        options = evaluation.options
        chosen = evenly_spaced(len(evaluation.real), options.diversity_stills)
        if not chosen or options.diversity_samples < 2:
            evaluation.notes.append('div: not measured, as the options say')
            return dict(div=None, div_interval=None, div_name=None, div_variants={})
        groups = [evaluation.groups[i] for i in chosen]
        rows = {name: dict(value=float(values.mean()), stills=len(values),
                           interval=mean_interval(values, groups, **evaluation.resampling))
                for name, values in _variants(evaluation, _samples(evaluation, chosen))}
        if not rows:
            evaluation.notes.append('div: no network was given')
        first = next(iter(rows), None)
        return dict(div=first and rows[first]['value'], div_interval=first and
                    rows[first]['interval'], div_name=first, div_variants=rows)

    def rows(self, results: Mapping[str, Any]) -> list[Row]:
        samples = results['protocol']['diversity_samples']
        return [self.row(name, found['value'], found['interval'],
                         f'{samples} clips of each of {found["stills"]} stills')
                for name, found in results.get('div_variants', {}).items()]


def _samples(evaluation: Evaluation, chosen: Sequence[int]) -> Tensor:
    """(stills, S, C, T, H, W) uint8: S clips of each of these stills."""
    options = evaluation.options
    more = [generate_clip_set(evaluation.generator, evaluation.real, options.seed, sample,
                              chosen).clips for sample in range(1, options.diversity_samples)]
    return torch.stack([evaluation.generated.subset(chosen).clips, *more], dim=1)


def _variants(evaluation: Evaluation, clips: Tensor) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Names and (stills,) values, those that are published first."""
    networks = evaluation.networks

    def features(network: FeatureNetwork) -> NDArray[np.float64]:
        return network(clips.flatten(0, 1)).reshape(*clips.shape[:2], -1)

    if networks.get('vgg') is not None:
        yield 'DIV (VGG)', vgg_diversity(networks['vgg'].features, clips,
                                         evaluation.options.perceptual_frames)
    if networks.get('i3d') is not None:
        yield 'DIV (I3D)', feature_diversity(features(networks['i3d']))
    if networks.get('dti3d') is not None:
        yield (f'DIV (DTI3D × {DTI3D_SCALE})',
               DTI3D_SCALE * feature_diversity(features(networks['dti3d'])))
    if networks.get('fd') is not None:               # not published: this project's own network
        name = networks['fd'].name.removeprefix('FD-')
        yield f'DIV ({name})', feature_diversity(features(networks['fd']))


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
