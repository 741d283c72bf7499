import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.ndimage import shift as shifted

from lddm_aug.evaluation.clip_statistics import (
    STATISTICS,
    clip_flow,
    describe_clips,
    grain,
    sharpness,
    speckle_contrast,
    statistic_gap,
)


@pytest.fixture
def texture():
    """(64, 64) smooth random grey levels around 128."""
    noise = np.random.default_rng(0).normal(size=(64, 64))
    smooth = gaussian_filter(noise, 2)
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def described(clip):
    """(T, H, W) → its statistics by name."""
    values = describe_clips(torch.from_numpy(np.stack(clip))[None, None]).statistics[0]
    return dict(zip(STATISTICS, values, strict=True))


def test_flow_finds_the_shift_from_each_frame_to_the_next(texture):
    steps = np.array([(0.5, 1.5), (-1, 0.3), (0, -2)])             # (down, right), in pixels
    places = np.vstack([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    clip = [shifted(texture.astype(np.float32), place, order=3, mode='nearest')
            for place in places]
    flow = clip_flow(np.clip(clip, 0, 255).astype(np.uint8))       # (3, 64, 64, 2)
    found = np.median(flow, axis=(1, 2))
    assert found[:, ::-1] == pytest.approx(steps, abs=0.1)


def test_of_a_held_still_nothing_moves(texture):
    values = described([texture] * 4)
    for name in ('flicker', 'jitter', 'drift', 'sharpness_kept', 'contrast_kept'):
        assert values[name] == 0, name
    for name in ('flow', 'flow_spread', 'unexplained'):           # near the border, nearly
        assert values[name] < 0.2, name
    assert values['brightness'] == pytest.approx(texture.mean())


def test_motion_that_flow_explains_leaves_little_and_noise_leaves_much(texture):
    glide = [shifted(texture.astype(np.float32), (0, t), order=3, mode='nearest')
             for t in range(6)]
    glide = [np.clip(frame, 0, 255).astype(np.uint8) for frame in glide]
    random = np.random.default_rng(0)
    noise = [np.clip(texture + random.normal(0, 20, texture.shape), 0, 255).astype(np.uint8)
             for _ in range(6)]
    assert described(glide)['unexplained'] < 0.4 * described(noise)['unexplained']
    assert described(glide)['jitter'] < 1
    # independent frames: Var(a − 2b + c) / Var(a − b) = 6 / 2
    assert described(noise)['jitter'] == pytest.approx(3 ** 0.5, rel=0.05)


def test_a_brightness_that_jumps_is_flicker_and_a_jump_after_the_still_is_seen(texture):
    flickering = [np.clip(texture.astype(int) + 5 * (t % 2), 0, 255).astype(np.uint8)
                  for t in range(6)]
    assert described(flickering)['flicker'] == pytest.approx(5, abs=0.3)
    noise = np.random.default_rng(0).integers(0, 10, (6, 64, 64))
    jump = [np.clip(texture.astype(int) + noise[t] + 60 * (t > 0), 0, 255).astype(np.uint8)
            for t in range(6)]
    assert described(jump)['first_step'] > 5


def test_of_a_nearly_still_clip_no_ratio_explodes(texture):
    flicker = texture.copy()
    flicker[32, 32] += 1                             # one pixel of 4096 by one grey level: 1/64 rms
    values = described([texture, flicker, flicker, flicker])
    assert values['first_step'] == pytest.approx(1 / 64 / 0.1)
    assert values['jitter'] == pytest.approx(1 / 64 / 2 ** 0.5 / 0.1)
    assert described([flicker, texture, flicker, texture])['jitter'] < 0.5


def test_clips_without_a_second_step_are_refused():
    with pytest.raises(ValueError, match='need clips of T = 3 frames or more, but got 2; take a'):
        describe_clips(torch.zeros(1, 1, 2, 16, 16, dtype=torch.uint8))


def test_blur_takes_sharpness_away(texture):
    clip = [cv2.GaussianBlur(texture, (0, 0), 0.1 + t) for t in range(4)]
    assert described(clip)['sharpness_kept'] < -0.5
    assert sharpness(clip[3]) < sharpness(clip[0])


def test_fully_developed_speckle_has_the_contrast_of_a_rayleigh_distribution():
    random = np.random.default_rng(0)
    field = np.hypot(*random.normal(size=(2, 256, 256)))             # amplitude, uncorrelated
    frame = np.clip(80 * field, 0, 255).astype(np.uint8)
    assert speckle_contrast(frame) == pytest.approx(np.sqrt(4 / np.pi - 1), abs=0.03)
    assert speckle_contrast(np.zeros((16, 16), np.uint8)) == 0


def test_grain_is_the_width_of_the_autocorrelation_in_each_direction():
    # noise smoothed by σ has the autocorrelation exp(−d² / 4σ²), 1/e at d = 2σ; what is coarser
    # than the window is taken off, which makes it somewhat shorter
    noise = np.random.default_rng(0).normal(size=(256, 256))
    smooth = gaussian_filter(noise, (0.7, 1.2))
    frame = np.clip(128 + 30 * smooth / smooth.std(), 0, 255).astype(np.uint8)
    x, y = grain(frame)
    assert x == pytest.approx(2.4, rel=0.25) and y == pytest.approx(1.4, rel=0.25)
    found = described([frame] * 4)
    assert found['grain_x'] == pytest.approx(x) and found['grain_y'] == pytest.approx(y)


def test_a_gap_is_a_shift_in_standard_deviations_of_real_clips():
    real = np.random.default_rng(0).normal(5, 3, size=500)
    assert statistic_gap(real, real, real.std()) == 0
    assert statistic_gap(real + 2 * real.std(), real, real.std()) == pytest.approx(2)
