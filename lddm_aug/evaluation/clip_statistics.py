"""Statistics of a clip in which generated clips may give themselves away."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance
from torch import Tensor

MOTION_GRID = 8           # a clip's motion is kept on a grid of 8 × 8
DARK = 20                 # grey levels; where less than this comes back there is no speckle
WINDOW = 7                # pixels, of the windows in which speckle is measured
MIN_FRAMES = 3            # of a clip: jitter and first_step compare changes from frame to frame
# Grey levels; where less than this changes it is single pixels that were rounded another way, and
# what they do is not motion: a ratio of two such changes could be anything.
LEAST_STEP = 0.1

# What each statistic measures; all are numbers of one clip.
STATISTICS = {
    'flow': 'mean optical flow from frame to frame, in pixels',
    'flow_spread': 'standard deviation of the flow over time and place, in pixels',
    'unexplained': 'rms of what is left once the flow is undone, in grey levels',
    'flicker': "mean change of a whole frame's brightness, in grey levels",
    'jitter': 'rms second difference in time over rms first difference: 0 glides, 1.7 is noise',
    'first_step': 'rms change from frame 0 to 1 over that between later frames',
    'drift': 'rms difference of the last frame from the first, in grey levels',
    'sharpness': 'log of the standard deviation of the Laplacian',
    'sharpness_kept': 'sharpness of the last frame less that of the first',
    'speckle_contrast': 'median of local standard deviation over local mean',
    'contrast_kept': 'speckle contrast of the last frame less that of the first',
    'grain_x': 'lateral lag, in pixels, at which the autocorrelation of the speckle falls to 1/e',
    'grain_y': 'the same along the beam',
    'brightness': 'mean grey level',
}


@dataclass(frozen=True)
class ClipDescriptions:
    """What was measured on N clips.

    Attributes:
        statistics: (N, len(STATISTICS)), columns in their order.
        motion: (N, T−1, 2, 8, 8) optical flow in pixels, shrunk.
    """
    statistics: NDArray[np.float64]
    motion: NDArray[np.float32]


def describe_clips(clips: Tensor) -> ClipDescriptions:
    """(N, C, T, H, W) uint8 clips → their statistics; colour counts as grey.

    Raises:
        ValueError: if clips have fewer than MIN_FRAMES frames.
    """
    if clips.shape[2] < MIN_FRAMES:
        raise ValueError(f'describe_clips: statistics over time need clips of T = {MIN_FRAMES} '
                         f'frames or more, but got {clips.shape[2]}; take a generator of longer '
                         'clips')
    grey = clips.float().mean(dim=1).round().byte().numpy()        # (N, T, H, W)
    described = [_describe(clip) for clip in grey]
    return ClipDescriptions(np.array([list(statistics.values()) for statistics, _ in described]),
                            np.stack([motion for _, motion in described]))


def statistic_gap(ours: NDArray[np.float64], theirs: NDArray[np.float64], spread: float) -> float:
    """Wasserstein distance between two samples, in standard deviations of real clips.

    0: the same distribution.  1: on average shifted by as much as real clips differ.

    Args:
        spread: this standard deviation, of all real clips: those of a resample may be all alike.
    """
    return float(wasserstein_distance(ours, theirs) / spread)


def five_quantiles(values: NDArray[np.float64]) -> list[float]:
    """5, 25, 50, 75 and 95 %."""
    return [float(value) for value in np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])]


def clip_flow(clip: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(T, H, W) clip → (T−1, H, W, 2) optical flow (u, v) in pixels; Farnebäck 2003."""
    return np.stack([_flow(before, after) for before, after in pairwise(clip)])


def grain(frame: NDArray[np.uint8]) -> tuple[float, float]:
    """Lags in x and y, in pixels, at which the autocorrelation of the fine texture falls to 1/e."""
    texture = _texture(frame)
    spectrum = np.abs(np.fft.rfft2(texture)) ** 2
    correlation = np.fft.irfft2(spectrum, s=texture.shape)
    correlation = correlation / max(correlation[0, 0], 1e-9)
    return _fall(correlation[0]), _fall(correlation[:, 0])


def speckle_contrast(frame: NDArray[np.uint8]) -> float:
    """Median of σ / μ in small windows that are not dark; fully developed speckle has 0.52."""
    mean, square = _local(frame.astype(np.float32)), _local(frame.astype(np.float32) ** 2)
    lit = mean > DARK
    if not lit.any():
        return 0.
    return float(np.median(np.sqrt(np.clip(square - mean ** 2, 0, None))[lit] / mean[lit]))


def sharpness(frame: NDArray[np.uint8]) -> float:
    """Log of the standard deviation of the Laplacian, in grey levels."""
    return float(np.log(cv2.Laplacian(frame, cv2.CV_32F).std() + 1e-3))


def _describe(clip: NDArray[np.uint8]) -> tuple[dict[str, float], NDArray[np.float32]]:
    flow, frames = clip_flow(clip), clip.astype(np.float32)
    steps = np.diff(frames, axis=0)                                # (T−1, H, W)
    step_size = _rms(steps[1:])
    sharp = [sharpness(frame) for frame in clip]
    # frame 0 is the still: of the others, some suffice
    contrasts = [speckle_contrast(frame) for frame in clip[[0, len(clip) // 2, -1]]]
    grains = np.array([grain(frame) for frame in clip[[len(clip) // 2, -1]]])
    motion = np.stack([cv2.resize(field, (MOTION_GRID, MOTION_GRID), interpolation=cv2.INTER_AREA)
                       for field in flow]).transpose(0, 3, 1, 2)
    statistics = dict(
        flow=np.linalg.norm(flow, axis=-1).mean(), flow_spread=flow.std(axis=(0, 1, 2)).mean(),
        unexplained=_rms(_undone(frames, flow)), flicker=np.abs(steps.mean(axis=(1, 2))).mean(),
        jitter=_rms(np.diff(steps, axis=0)) / max(_rms(steps), LEAST_STEP),
        first_step=_rms(steps[0]) / max(step_size, LEAST_STEP),
        drift=_rms(frames[-1] - frames[0]),
        sharpness=np.mean(sharp[1:]), sharpness_kept=sharp[-1] - sharp[0],
        speckle_contrast=np.mean(contrasts[1:]), contrast_kept=contrasts[-1] - contrasts[0],
        grain_x=grains[:, 0].mean(), grain_y=grains[:, 1].mean(), brightness=frames[1:].mean())
    return {name: float(statistics[name]) for name in STATISTICS}, motion


def _flow(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float32]:
    filled = np.zeros((*before.shape, 2), np.float32)              # OpenCV writes into it
    cv2.calcOpticalFlowFarneback(before, after, filled, pyr_scale=0.5, levels=3, winsize=11,
                                 iterations=3, poly_n=5, poly_sigma=1.1, flags=0)
    return filled


def _undone(frames: NDArray[np.float32], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T−1, H, W): each frame fetched from the next along the flow, less the frame itself."""
    rows, columns = np.indices(frames.shape[1:], dtype=np.float32)
    return np.stack([
        cv2.remap(after, columns + field[..., 0], rows + field[..., 1], cv2.INTER_LINEAR,
                  borderMode=cv2.BORDER_REPLICATE) - before
        for before, after, field in zip(frames[:-1], frames[1:], flow, strict=True)])


def _texture(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What differs from its surroundings, without the dark border of a sector."""
    values = frame.astype(np.float32)
    smooth = _local(values)
    texture = np.where(smooth > DARK, values - smooth, 0)
    return texture - texture.mean()


def _local(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over a window around every pixel."""
    return np.asarray(cv2.blur(values, (WINDOW, WINDOW)), np.float32)


def _fall(correlation: NDArray[np.float64]) -> float:
    """First lag, between pixels, at which a curve from 1 on crosses 1/e."""
    half = len(correlation) // 2                     # from here on it comes back, being periodic
    below = np.flatnonzero(correlation[:half] < np.exp(-1))
    if len(below) == 0:
        return float(half)
    if below[0] == 0:                                # there is no texture
        return 0.
    before, after = correlation[below[0] - 1], correlation[below[0]]
    return float(below[0] - 1 + (before - np.exp(-1)) / (before - after))


def _rms(values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(values ** 2)))
