"""Whether what a sentence names is right, on clips whose attributes are known."""
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lddm_aug.experiments.held_out_stills import Stills
from lddm_aug.experiments.prompts import dividing_threshold, obeys_prompts
from lddm_aug.experiments.sweeps import Sweeps
from lddm_aug.functional.pixels import to_unit
from lddm_aug.preparation.phantom import write_phantom
from lddm_aug.preparation.phantom_prompts import HELD_OUT


@pytest.fixture(scope='module')
def sweeps(tmp_path_factory):
    folder = tmp_path_factory.mktemp('phantom') / 'prompts'
    write_phantom(folder, size=64, frames=48, train=2, test=2, stills=12, prompts=True)
    groups = [f's0-stills-{number:03d}' for number in range(12)]
    stills = Stills(torch.zeros(12, 1, 64, 64), groups, ['benign', 'malignant'] * 6)
    return Sweeps.read(folder, stills)


class Shows:
    """A generator that shows true clips: of an attribute that is told, or of whatever comes."""

    size, num_frames, frame_stride, device = 64, 16, 3, torch.device('cpu')

    def __init__(self, sweeps, obeys):
        self.clips = to_unit(sweeps.true_clips(self))
        self.attributes, self.obeys = sweeps.attributes, obeys
        self.meant = {sentence: (name, value) for name, value, sentence in HELD_OUT}

    def __call__(self, stills, seeds, told):
        names = [self.meant[row['prompt']] for row in told]
        chosen = [next(place for place in np.random.default_rng(seed).permutation(len(self.clips))
                       if not self.obeys or self.attributes[place][name] == value)
                  for seed, (name, value) in zip(seeds, names, strict=True)]
        return self.clips[chosen]

    def parameters(self):
        return iter(())

    buffers = parameters


def shares(sweeps, monkeypatch, obeys):
    # one outline in the middle: the clips shown are not those of the stills
    rows, columns = np.mgrid[:64, :64]
    middle = (rows - 29) ** 2 + (columns - 32) ** 2 < 36
    monkeypatch.setattr(Sweeps, 'masks', lambda self, size: np.repeat(
        middle[None], len(self.requests), axis=0))
    stills = Stills(torch.zeros(12, 1, 64, 64), [each.group for each in sweeps.requests], [''] * 12)
    return {row['what']: row for row in obeys_prompts(Shows(sweeps, obeys), stills, sweeps)}


def test_what_obeys_is_right_and_what_does_not_is_right_half_the_time(sweeps, monkeypatch):
    obeys, ignores = (shares(sweeps, monkeypatch, obeys) for obeys in (True, False))
    assert len(obeys) == len(HELD_OUT) + 2 * 3 + 1
    for name in ('slide', 'motion', 'lesion'):
        # in true clips each attribute can be measured, and a generator that obeys is as good
        true = obeys[f'{name}: share of true clips that are told apart']['value']
        told = obeys[f'told in other words, {name}: share of clips that obey']['value']
        assert true > 0.85 and told == pytest.approx(true, abs=0.15)
        assert 0.3 < ignores[f'told in other words, {name}: share of clips that obey'][
            'value'] < 0.7
    every = obeys['told in 12 other ways: share of clips that obey']
    assert every['n'] == 12 and every['low'] <= every['value'] <= every['high']


def test_a_threshold_divides_as_well_as_the_best_of_all():
    random = np.random.default_rng(0)
    for _ in range(20):
        is_above = random.random(15) < 0.5
        values = random.normal(size=15) + is_above

        def right(limit, values=values, is_above=is_above):
            return np.mean((values > limit) == is_above)

        best = max(right(limit) for limit in (np.sort(values)[:-1] + np.sort(values)[1:]) / 2)
        assert right(dividing_threshold(values, is_above)) == best
    assert dividing_threshold(np.array([1., 2, 5, 6]), np.array([0, 0, 1, 1]) > 0) == 3.5


def test_stills_begin_the_true_clips_and_lesions_lie_in_their_outlines(sweeps):
    shape = SimpleNamespace(size=64, num_frames=16, frame_stride=3)
    clips, masks = sweeps.true_clips(shape), sweeps.masks(64)
    assert clips.shape == (12, 1, 16, 64, 64) and masks.shape == (12, 64, 64)
    inside, outside = (np.mean([clip[0, 0].numpy()[part].mean() for clip, mask
                                in zip(clips, masks, strict=True)
                                for part in [mask if lesion else ~mask]])
                       for lesion in (True, False))
    assert inside < outside - 20                      # lesions are darker


def test_a_folder_of_no_phantom_has_no_sweeps(tmp_path):
    assert Sweeps.read(tmp_path, Stills(torch.zeros(1, 1, 8, 8), ['a'], ['b'])) is None
