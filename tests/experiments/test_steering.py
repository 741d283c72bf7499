"""Figures of obedience, on clips whose motion is known."""
from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

from lddm_aug.experiments.held_out_stills import Stills
from lddm_aug.experiments.steering import obeys_number
from lddm_aug.experiments.sweeps import lesion_strain
from lddm_aug.functional.clip_motion import measure
from lddm_aug.preparation.phantom import draw_patient, lesion_masks, simulate_sweep


def test_the_strain_of_a_picture_that_is_stretched_is_found():
    texture = 128 + 60 * gaussian_filter(np.random.default_rng(0).normal(size=(64, 64)), 1.5) * 5
    rows, columns = np.mgrid[:64, :64].astype(float)
    frames = [map_coordinates(texture, [32 + (rows - 32) / 1.02 ** t, columns], mode='nearest')
              for t in range(6)]
    clip = torch.from_numpy(np.stack(frames).clip(0, 255).astype(np.uint8))[None, None]
    mask = (rows - 32) ** 2 + (columns - 32) ** 2 < 100
    assert lesion_strain(clip, mask[None])[0] == pytest.approx(0.02, rel=0.15)
    assert lesion_strain(clip[:, :, :1].expand(-1, -1, 6, -1, -1), mask[None])[0] < 1e-6


def test_benign_lesions_are_strained_more_than_malignant_ones():
    def strain(label):
        sweeps, masks = [], []
        for number in range(4):
            patient = draw_patient(f'strain {number}', label)
            sweeps.append(simulate_sweep(patient, 48)[::3])
            masks.append(lesion_masks(patient, 1)[0])
        return lesion_strain(torch.from_numpy(np.stack(sweeps))[:, None], np.stack(masks))

    assert strain('benign').min() > strain('malignant').max()


class Obeys:
    """A generator whose clips change as much as they are told."""

    groups, device = (), torch.device('cpu')

    class diffusion:                                 # noqa: N801
        draw_measured = staticmethod(lambda name, label, share: 1 + 3 * share)

    def shown(self, name, value):
        return value

    def __call__(self, stills, seeds, told):
        size = torch.tensor([row['motion'] for row in told]).exp().view(-1, 1, 1, 1, 1) / 127.5
        steps = torch.tensor([0., 1, 0, 1]).view(1, 1, 4, 1, 1)
        return (stills.unsqueeze(2) + size * steps).expand(-1, -1, 4, -1, -1)

    def parameters(self):
        return iter(())

    buffers = parameters


def test_what_obeys_has_a_rank_correlation_of_one():
    stills = Stills(torch.zeros(20, 1, 8, 8), [f'p{n}' for n in range(20)], ['a'] * 20)
    row = obeys_number(Obeys(), stills, 'motion')
    assert row['value'] > 0.98 and row['n'] == 20    # grey levels are rounded
    clip = Obeys()(stills.pixels[:1], [0], [dict(motion=np.log(10.))])
    assert measure('motion', ((clip + 1) * 127.5).round().byte()).item() == pytest.approx(
        np.log(10), abs=0.05)
