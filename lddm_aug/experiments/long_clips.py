"""Are longer clips as good further on?  Windows of them, and seams, against real ones."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.evaluation.bootstrap import group_interval
from lddm_aug.evaluation.clip_set import ClipSet, generate_clip_set, joined
from lddm_aug.evaluation.recognizer_features import FeatureNetwork
from lddm_aug.evaluation.synthesis_metrics.frechet import frechet_distance
from lddm_aug.functional.laplacian import laplacian
from lddm_aug.generators.lddm import LDDMGenerator

STEPS = 2                                            # windows begin every T / STEPS frames
HIGH = 0.95                                          # quantile of real changes


def frames_needed(generator: LDDMGenerator) -> int:
    """Frames of a video that has a clip of this length and stride."""
    return (generator.num_frames - 1) * generator.frame_stride + 1


def measure_long_clips(generator: LDDMGenerator, real: ClipSet, window: int,
                       network: FeatureNetwork | None = None, seed: int = 0, samples: int = 1
                       ) -> Iterator[dict[str, Any]]:
    """Every figure: what, value, low, high (95 %, over groups) and n clips.

    Args:
        generator: of long clips, see `Generator.with_length`.
        real: held-out clips as long; from the first frame of each one is made.
        window: frames of a clip as the generator was trained on.
        network: sees windows of so many frames; None for no distances.
        samples: clips of each first frame.
    """
    made = joined([generate_clip_set(generator, real, seed, sample) for sample in range(samples)])
    if network is not None:
        yield from distances_of_windows(made, real, window, network)
    seams = generator.seams()
    for what, order in (('change', 1), ('change of the change', 2)):
        yield from changes_at_seams(made, real, seams, what, order)
    yield sharpness_kept(made, real, window)


def distances_of_windows(made: ClipSet, real: ClipSet, window: int, network: FeatureNetwork
                         ) -> Iterator[dict[str, Any]]:
    """Fréchet distance of each window to the real one at its place, over that of the first.

    Args:
        made: one or more clips of every real one, in their order.
    """
    frames, count = made.clips.shape[2], len(real)
    starts = range(0, frames - window + 1, window // STEPS)
    ours, theirs = ([network(clips.clips[:, :, start:start + window]) for start in starts]
                    for clips in (made, real))
    for number, start in enumerate(starts):
        def ratio(clips: NDArray, number: int = number) -> float:
            first, here = (frechet_distance(ours[place][clips], theirs[place][clips % count])
                           for place in (0, number))
            return here / first

        name = f'{network.name} of frames {start + 1} to {start + window}'
        if number == 0:
            yield _row(name, made, lambda clips: frechet_distance(
                ours[0][clips], theirs[0][clips % count]))
        else:
            yield _row(f'{name}, over that of the first {window}', made, ratio)


def changes_at_seams(made: ClipSet, real: ClipSet, seams: list[int], what: str, order: int
                     ) -> Iterator[dict[str, Any]]:
    """Changes at seams and before the first of them, against the 95 % quantile of real changes.

    Args:
        seams: frames with which something new begins.
        order: 1 for the difference of neighbouring frames, 2 for that of the differences.
    """
    limit = float(np.quantile(_changes(real.clips, order), HIGH))
    ours = _changes(made.clips, order) / limit
    # between frames t − 1 and t; of the second order there are two, around t − 1 and around t
    at = sorted({place for seam in seams for place in range(seam - order, seam)
                 if place < ours.shape[1]})          # a seam may be the last frame
    before = range(1, seams[0] - order)              # frame 0 has no grain
    for where, places in (('at seams', at), ('before the first seam', [*before])):
        yield _row(f'{what} {where}, mean over the 95 % quantile of real ones', made,
                   lambda clips, places=places: float(ours[clips][:, places].mean()))
        yield _row(f'{what} {where}, share above the 95 % quantile of real ones', made,
                   lambda clips, places=places: float((ours[clips][:, places] > 1).mean()))


def sharpness_kept(made: ClipSet, real: ClipSet, window: int) -> dict[str, Any]:
    """Sharpness of the last window over the first, generated over real."""
    def kept(clips: Tensor) -> NDArray[np.float64]:
        detail = _laplacian(clips)
        return detail[:, -window:].mean(axis=1) / detail[:, :window].mean(axis=1)

    ours, theirs = kept(made.clips), kept(real.clips)
    frames = made.clips.shape[2]
    return _row(f'sharpness of frames {frames - window + 1} to {frames} over the first {window}, '
                'generated over real', made,
                lambda clips: float(ours[clips].mean() / theirs[clips % len(real)].mean()))


def _changes(clips: Tensor, order: int) -> NDArray[np.float64]:
    """(N, C, T, H, W) uint8 → (N, T − order) mean absolute difference along time."""
    return clips.float().diff(n=order, dim=2).abs().mean(dim=(1, 3, 4)).double().numpy()


def _laplacian(clips: Tensor) -> NDArray[np.float64]:
    """(N, C, T, H, W) uint8 → (N, T) mean absolute Laplacian."""
    return laplacian(clips.float()).abs().mean(dim=(1, 3, 4)).double().numpy()


def _row(what: str, clips: ClipSet, statistic: Any) -> dict[str, Any]:
    low, high = group_interval(statistic, clips.groups, bounds=(0, np.inf)) or (None, None)
    return dict(what=what, value=statistic(np.arange(len(clips))), low=low, high=high,
                n=len(clips))
