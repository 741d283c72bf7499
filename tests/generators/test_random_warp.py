from __future__ import annotations

import pytest
import torch
from mmaction.registry import MODELS
from torch.testing import assert_close

from lddm_aug.generators.random_warp import RandomWarp, cosines


def ramp(size: int) -> torch.Tensor:
    """A still whose grey level says in which column a pixel is: (1, 1, size, size) in [−1, 1]."""
    return torch.linspace(-1, 1, size).expand(1, 1, size, size).contiguous()


def test_a_clip_begins_with_its_still():
    still = torch.rand(2, 1, 32, 32) * 2 - 1
    clips = RandomWarp(size=32)(still, [1, 2])
    assert clips.shape == (2, 1, 16, 32, 32)
    assert_close(clips[:, :, 0], still, atol=1e-4, rtol=0)


@pytest.mark.parametrize('amplitude', [0.5, 3.0])
def test_the_greatest_displacement_is_the_amplitude(amplitude):
    generator = RandomWarp(size=32, amplitude=amplitude)
    fields = torch.stack([generator.draw_field(seed) for seed in range(20)])
    furthest = (fields ** 2).sum(dim=1).sqrt().amax(dim=(1, 2, 3))
    assert_close(furthest, torch.full((20,), amplitude))
    # and pixels are fetched from there: a column's grey level moves by the field's u
    seen = generator(ramp(32), [7]) - ramp(32)[:, :, None]
    expected = generator.draw_field(7)[0] * 2 / 31
    inner = (slice(None), slice(8, -8), slice(8, -8))
    # (the bicubic kernel of PyTorch moves a ramp by up to a twentieth of a pixel too far)
    assert_close(seen[0, 0][inner], expected[inner], atol=4e-3, rtol=0)


def test_neighbours_in_space_and_time_move_together():
    field = RandomWarp(size=64, amplitude=3.0).draw_field(3)
    for axis in (1, 2, 3):
        assert field.diff(dim=axis).abs().max() < 1.0


def test_the_waves_are_the_cosine_transforms_and_so_orthogonal():
    waves = cosines(4, 16) * torch.arange(1, 5)[:, None]
    assert_close(waves @ waves.T, torch.diag(torch.tensor([16., 8., 8., 8.])), atol=1e-5, rtol=0)


def test_the_seed_alone_says_how_it_moves():
    generator = RandomWarp(size=32)
    clips = generator(ramp(32).expand(3, -1, -1, -1), [5, 6, 5])
    assert torch.equal(clips[0], clips[2])
    assert (clips[0] - clips[1]).abs().max() > 0.01


def test_its_config_builds_it_again():
    generator = RandomWarp(size=32, amplitude=1.5, channels=3, num_frames=8, frame_stride=2)
    again = MODELS.build(generator.config)
    still = torch.rand(1, 3, 32, 32)
    assert torch.equal(again(still, [1]), generator(still, [1]))
    assert again.frame_stride == 2


@pytest.mark.parametrize('amplitude', [0, -1., 32, float('nan')])
def test_an_impossible_amplitude_is_refused(amplitude):
    with pytest.raises(ValueError, match='RandomWarp: amplitude is the greatest displacement'):
        RandomWarp(size=32, amplitude=amplitude)


def test_it_cannot_go_on_but_can_be_cut():
    warp = RandomWarp(16)
    still = torch.rand(1, 1, 16, 16) * 2 - 1
    assert torch.equal(warp.with_length(6)(still, [1]), warp(still, [1])[:, :, :6])
    with pytest.raises(ValueError, match=r'RandomWarp: makes 16 frames and .* needs 31'):
        warp.with_length(16, 6)
