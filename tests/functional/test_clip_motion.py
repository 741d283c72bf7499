"""Change and shift of clips whose motion is known."""
from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, shift

from lddm_aug.conditions import MEASURED
from lddm_aug.functional.clip_motion import change_size, lateral_shift, measure
from lddm_aug.preparation.phantom import FIELD_MM, draw_patient, simulate_sweep


def texture(size: int = 64) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(size, 2 * size)), 2)
    return 128 + 60 * noise / noise.std()


def as_clips(*clips: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(clips).clip(0, 255).astype(np.uint8)).unsqueeze(1)


@pytest.mark.parametrize('step', [-0.7, 0.3, 1.0])
def test_a_picture_that_is_moved_is_measured_as_moved(step):
    clip = np.stack([shift(texture(), (0, t * step), order=3)[:, 32:96] for t in range(8)])
    assert lateral_shift(as_clips(clip)).item() == pytest.approx(100 * 7 * step / 64, rel=0.15)


def test_change_is_the_rms_of_differences():
    clip = np.zeros((5, 8, 8))
    clip[1::2] = 10                                  # 0, 10, 0, 10, 0
    assert change_size(as_clips(clip, clip / 2)).tolist() == pytest.approx([10, 5])
    assert measure('motion', as_clips(clip)).item() == pytest.approx(math.log(10))


def test_every_measured_condition_has_its_measure_and_copes_with_what_stands_still():
    still = as_clips(np.full((4, 16, 16), 9.))
    assert all(measure(name, still).isfinite().all() for name in MEASURED)


def test_the_slide_of_a_simulated_probe_is_found():
    frames, found, true = np.arange(0, 48, 3), [], []
    for number in range(6):
        patient = draw_patient(f'slide {number}', 'malignant')
        clip = simulate_sweep(patient, 48)[frames]
        found.append(lateral_shift(as_clips(clip)).item())
        true.append(-100 * float(np.ptp(patient.slide(frames[[0, -1]])) * np.sign(
            patient.slide(frames[-1:]) - patient.slide(frames[:1]))[0]) / FIELD_MM)
    assert np.corrcoef(found, true)[0, 1] > 0.97
