"""Figures of longer clips, on clips of which is known where they jump."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from lddm_aug.evaluation.clip_set import ClipSet, joined
from lddm_aug.experiments.long_clips import (
    changes_at_seams,
    distances_of_windows,
    sharpness_kept,
)


def moving(jump: int = 0) -> ClipSet:
    """40 textures that move by a pixel a frame for 12 frames, and by `jump` more at frame 8."""
    texture = torch.randint(0, 255, (40, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    texture = (texture + texture.roll(1, 3) + texture.roll(2, 3)) // 3
    frames = [texture.roll(t + jump * (t >= 8), dims=3) for t in range(12)]
    return ClipSet(torch.stack(frames, dim=2).byte(), [f'p{n}' for n in range(40)], ['a'] * 40)


@pytest.mark.parametrize('order', [1, 2])
def test_a_jump_at_a_seam_is_seen_and_a_motion_that_goes_on_is_not(order):
    steady, jumping = ([row['value'] for row in changes_at_seams(
        moving(jump), moving(), [8], 'change', order)] for jump in (0, 5))
    mean, share, mean_before, share_before = steady
    assert mean < 1 and share < 0.15
    assert [mean_before, share_before] == pytest.approx([mean, share], abs=0.05)
    mean, share, *before = jumping
    assert mean > 1.3 and share > 0.9 and before == steady[2:]


def test_a_seam_before_the_last_frame_counts_as_far_as_there_are_frames():
    jumping = moving()
    jumping.clips[:, :, 11] = jumping.clips[:, :, 11].roll(5, dims=3)
    for order in (1, 2):
        mean, *_ = changes_at_seams(jumping, moving(), [8, 11], 'change', order)
        assert mean['value'] > next(changes_at_seams(moving(), moving(), [8], 'change', order)
                                    )['value']


class Mean:
    """Features of a clip: the means of its quarters."""
    name = 'FD-mean'

    def __call__(self, clips):
        return clips.float().unflatten(4, (4, -1)).mean(dim=(1, 2, 3, 5)).double().numpy()


def test_windows_that_are_real_are_at_no_distance_and_brighter_ones_further_on():
    real = moving()
    brighter = torch.arange(12).view(1, 1, -1, 1, 1) * 2 + 4
    made = ClipSet((real.clips.int() + brighter).clamp(0, 255).byte(), real.groups, real.labels)
    first, *others = distances_of_windows(made, real, 4, Mean())
    assert [row['what'] for row in (first, others[0])] == [
        'FD-mean of frames 1 to 4', 'FD-mean of frames 3 to 6, over that of the first 4']
    # four means, each 7 + 4 n levels further: the distance is the sum of the squares
    assert first['value'] == pytest.approx(4 * 7 ** 2, rel=0.05)
    assert [row['value'] for row in others] == pytest.approx(
        [((7 + 4 * n) / 7) ** 2 for n in range(1, 5)], rel=0.05)
    assert next(distances_of_windows(real, real, 4, Mean()))['value'] == pytest.approx(0, abs=1e-6)
    several = [row['value'] for row in distances_of_windows(joined([made, made]), real, 4, Mean())]
    assert several == pytest.approx([row['value'] for row in (first, *others)], rel=0.05)


def test_sharpness_that_is_lost_on_the_way_is_seen():
    real = moving()
    flat = real.clips.clone()
    flat[:, :, 6:] = (flat[:, :, 6:].float() / 2 + 60).byte()
    made = ClipSet(flat, real.groups, real.labels)
    row = sharpness_kept(made, real, 6)
    assert row['value'] == pytest.approx(0.5, abs=0.02)
    assert row['low'] <= row['value'] <= row['high'] and np.isfinite(row['value'])
