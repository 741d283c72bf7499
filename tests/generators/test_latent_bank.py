from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch import Tensor

from lddm_aug.generators import MotionTransfer
from lddm_aug.generators.latent_bank import LatentBank
from lddm_aug.generators.lddm import LDDMGenerator

STILLS = torch.linspace(-1, 1, 3 * 256).view(3, 1, 16, 16)
TOLD = [{'label': 'benign'}, {'label': 'malignant'}, {}]
BENIGN, _, UNKNOWN = TOLD


@pytest.fixture
def counted(tiny_conditional_lddm: LDDMGenerator) -> LDDMGenerator:
    """A generator that notes the seeds of the latents that it samples, in `sampled`."""
    denoise = tiny_conditional_lddm.denoise
    tiny_conditional_lddm.sampled = []

    def noted(condition: Tensor, seeds: list[int], told: Tensor) -> Tensor:
        tiny_conditional_lddm.sampled += seeds
        return denoise(condition, seeds, told)
    tiny_conditional_lddm.denoise = noted
    return tiny_conditional_lddm


def test_sampled_and_decoded_apart_a_clip_is_the_same(tiny_conditional_lddm: LDDMGenerator):
    latents = tiny_conditional_lddm.sample_latents(STILLS, [1, 2, 3], TOLD)
    apart = tiny_conditional_lddm.decode_latents(STILLS, [1, 2, 3], latents)
    assert torch.equal(apart, tiny_conditional_lddm(STILLS, [1, 2, 3], TOLD))


def test_the_motion_of_a_training_clip_is_a_latent_as_well(tiny_lddm: LDDMGenerator):
    generator = MotionTransfer(
        {'type': 'VideoAutoencoder', 'latent_channels': 4, 'encoder': {'width': 8},
         'decoder': {'widths': [8, 8, 8]}}, size=16, num_frames=8)
    generator.fill(torch.randn(5, *tiny_lddm.latent_shape), torch.tensor([0, 1, 0, 1, 0]),
                   ('benign', 'malignant'))
    latents = generator.sample_latents(STILLS, [1, 2, 3], TOLD)
    assert torch.equal(generator.decode_latents(STILLS, [1, 2, 3], latents),
                       generator(STILLS, [1, 2, 3], TOLD))


def test_a_latent_is_sampled_once_per_key_and_seed(counted: LDDMGenerator):
    bank, keys = LatentBank(), ['a', 'b', 'a']
    stills = STILLS[[0, 1, 0]]
    first = bank.latents(counted, stills, [1, 2, 1], [BENIGN, UNKNOWN, BENIGN], keys)
    assert sorted(counted.sampled) == [1, 2] and len(bank) == 2
    assert bank.nbytes == 2 * 4 * math.prod(counted.latent_shape)
    again = bank.latents(counted, stills, [1, 2, 1], [BENIGN, UNKNOWN, BENIGN], keys)
    assert sorted(counted.sampled) == [1, 2]
    expected = counted.sample_latents(stills, [1, 2, 1], [BENIGN, UNKNOWN, BENIGN])
    assert torch.equal(first, expected) and torch.equal(again, expected)


def test_another_seed_takes_the_place_of_an_older_latent(counted: LDDMGenerator):
    bank = LatentBank()
    for seeds in ([1, 2, 3], [1, 5, 3], [1, 5, 3]):
        latents = bank.latents(counted, STILLS, seeds, TOLD, ['a', 'b', 'c'])
    assert counted.sampled == [1, 2, 3, 5] and len(bank) == 3
    assert torch.equal(latents, counted.sample_latents(STILLS, [1, 5, 3], TOLD))


def test_two_seeds_of_a_key_in_one_batch_give_two_latents(counted: LDDMGenerator):
    """As where a batch ends one epoch and begins the next, before and after a refresh."""
    latents = LatentBank().latents(counted, STILLS[[0, 0]], [1, 2], [UNKNOWN, UNKNOWN], ['a', 'a'])
    assert torch.equal(latents, counted.sample_latents(STILLS[[0, 0]], [1, 2], [UNKNOWN, UNKNOWN]))


def test_a_copy_is_empty(counted: LDDMGenerator):
    bank = LatentBank()
    bank.latents(counted, STILLS, [1, 2, 3], TOLD, ['a', 'b', 'c'])
    assert [len(each) for each in (copy.deepcopy(bank), pickle.loads(pickle.dumps(bank)))] == [0, 0]
