import numpy as np
import pytest
import torch

from lddm_aug.evaluation.synthesis_metrics.diversity import (
    feature_diversity,
    mean_squared_pairs,
    vgg_diversity,
)
from lddm_aug.functional.pixels import to_unit
from lddm_aug.networks.vgg import VGGFeatures


def test_div_is_the_mean_over_ordered_pairs_as_published():
    features = np.random.default_rng(0).normal(size=(3, 5, 7))
    expected = [np.mean([np.mean((still[i] - still[j]) ** 2)
                         for i in range(5) for j in range(5) if i != j]) for still in features]
    assert feature_diversity(features) == pytest.approx(np.array(expected))


def test_clips_that_are_alike_have_none():
    assert mean_squared_pairs(torch.ones(5, 3)) == 0
    with pytest.raises(ValueError, match='needs two, but got 1'):
        mean_squared_pairs(torch.ones(1, 3))


def test_vgg_div_is_the_mean_over_layers_of_the_frames_features(vgg_path):
    vgg = VGGFeatures(vgg_path)
    clips = torch.randint(256, (1, 3, 1, 4, 16, 16), dtype=torch.uint8)
    layers = [vgg(to_unit(clip.transpose(0, 1)[1:])) for clip in clips[0]]     # without frame 0
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = np.mean([np.mean([float((layers[i][k] - layers[j][k]).square().mean())
                                 for i, j in pairs]) for k in range(3)])
    assert vgg_diversity(vgg, clips) == pytest.approx([expected], rel=1e-4)
