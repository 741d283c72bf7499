"""Clips that repeat a training clip, found while they are made."""
from __future__ import annotations

import hashlib
import math

import numpy as np
import torch
from numpy.typing import NDArray

from lddm_aug.evaluation.clip_set import ClipSet
from lddm_aug.evaluation.clip_statistics import describe_clips
from lddm_aug.evaluation.synthesis_metrics.memorisation import nearest_clips, shrunk_pixels


class LikenessFilter:
    """Says of a generated clip whether it is too near to a training clip.

    A clip's likeness is how many times nearer it is to its nearest training clip than the nearest
    of all held-out real clips is, by pixels or by motion, whichever is more: see
    `memorisation_audit`.  Of a copy it is without limit, and 2 is what the audit calls a copy.

    Args:
        training: real clips that the generator was trained on, of its size and length.
        held_out: real clips of other groups.
        most: the likeness from which on a clip is left out.

    Attributes:
        identity: for JSON; changes with the clips and the limit.

    Raises:
        ValueError: if most isn't above 0, or training and held-out clips share a group.
    """

    def __init__(self, training: ClipSet, held_out: ClipSet, most: float) -> None:
        if not 0 < most < math.inf:
            raise ValueError('LikenessFilter: max_likeness is a number above 0, 2 for copies '
                             f'alone, but got {most!r}')
        shared = sorted({*training.groups} & {*held_out.groups})
        if shared:
            raise ValueError(f'LikenessFilter: {len(shared)} groups are in training and held out '
                             f'({shared[0]}, …); name another split')
        self.most = most
        self.average = shrunk_pixels(training.clips).mean(axis=0)
        self.training = self._ways(training.clips)
        held = self._ways(held_out.clips)
        self.nearest = {way: float(nearest_clips(held[way], self.training[way])[0].min())
                        for way in held}
        digest = hashlib.sha256()
        for clips in (training.clips, held_out.clips):
            digest.update(clips.numpy().tobytes())
        self.identity = dict(max_likeness=most, real_clips=digest.hexdigest())

    def likeness(self, clip: NDArray[np.uint8]) -> float:
        """Of a (T, H, W[, 3]) clip."""
        ways = self._ways(torch.from_numpy(clip).reshape(*clip.shape[:3], -1).permute(3, 0, 1, 2)[
            None])
        return max(_ratio(self.nearest[way], float(nearest_clips(ours, self.training[way])[0][0]))
                   for way, ours in ways.items())

    def __call__(self, clip: NDArray[np.uint8]) -> str:
        """Why a clip is left out; blank for one that is kept."""
        likeness = self.likeness(clip)
        return '' if likeness < self.most else (
            f'{likeness:.3g} times nearer to a training clip than any held-out clip is')

    def _ways(self, clips: torch.Tensor) -> dict[str, NDArray]:
        return dict(pixels=shrunk_pixels(clips) - self.average, motion=describe_clips(clips).motion)


def _ratio(held_out: float, ours: float) -> float:
    return math.inf if ours <= 0 else held_out / ours
