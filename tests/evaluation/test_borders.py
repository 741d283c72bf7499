"""What is measured at borders, on textures that move as is known."""
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from lddm_aug.evaluation.borders import SIDES, describe_borders
from lddm_aug.functional.warp import warp


@pytest.fixture(scope='module')
def textures():
    """(8, 1, 80, 80) speckle in [−1, 1], of which clips show a part that moves."""
    noise = np.random.default_rng(0).standard_normal((8, 1, 80, 80))
    smooth = gaussian_filter(noise, (0, 0, 1, 1))
    return torch.from_numpy((smooth / np.abs(smooth).max()).astype(np.float32))


def moved(textures, outside):
    """(8, 1, 8, 64, 64) uint8: half a pixel up and to the left each frame, what enters as said."""
    if outside == 'texture':
        field = shift(80)
        clip = warp(textures, field)[..., 8:72, 8:72]
    else:
        clip = warp(textures[..., 8:72, 8:72], shift(64), outside)
    return ((clip + 1) * 127.5).round().clamp(0, 255).byte()


def shift(size):
    field = torch.arange(8.).view(1, 1, 8, 1, 1) * 0.8
    return field.expand(8, 2, 8, size, size)


def ratios(textures, outside):
    """Measure → a number for each side: with what enters as said, over the true texture."""
    ours, true = (describe_borders(moved(textures, each)) for each in (outside, 'texture'))
    return {name: dict(zip(SIDES, (ours[name].mean(0) / true[name].mean(0)).tolist(), strict=True))
            for name in ours}


def test_a_border_that_is_repeated_is_too_smooth_where_tissue_enters_and_only_there(textures):
    found = ratios(textures, 'border')
    for side in ('right', 'bottom'):
        assert found['sharpness'][side] < 0.7
        assert found['correlation inward'][side] > 1.15
    for side in ('left', 'top'):
        for name in found:
            assert found[name][side] == pytest.approx(1, abs=0.1)    # it ends in another's corner


def test_a_reflection_is_as_sharp_and_as_varied_as_the_texture_itself(textures):
    for sides in ratios(textures, 'reflection').values():
        assert list(sides.values()) == pytest.approx([1] * 4, abs=0.1)


def test_the_correlation_is_that_of_numpy():
    clip = torch.from_numpy(np.random.default_rng(1).integers(
        256, size=(1, 1, 4, 16, 16), dtype=np.uint8))
    frame = clip[0, 0, 3].double().numpy()
    bottom = frame[::-1][:4]
    found = describe_borders(clip)
    place = list(SIDES).index('bottom')
    assert found['correlation inward'][0, place] == pytest.approx(
        np.corrcoef(bottom[:-1].ravel(), bottom[1:].ravel())[0, 1])
    assert found['correlation along'][0, place] == pytest.approx(
        np.corrcoef(bottom[:, :-1].ravel(), bottom[:, 1:].ravel())[0, 1])


def test_a_clip_of_one_colour_has_neither_sharpness_nor_correlation():
    for values in describe_borders(torch.full((2, 1, 4, 16, 16), 7, dtype=torch.uint8)).values():
        assert (values == 0).all()
