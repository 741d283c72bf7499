"""The simulated sweeps behind stills, of which everything is known, and the strain of a lesion."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from torch import Tensor

from lddm_aug.datasets.transforms import ReadVideo
from lddm_aug.experiments.held_out_stills import Stills
from lddm_aug.generators.base import Generator
from lddm_aug.json_files import read_json
from lddm_aug.preparation.phantom import NOTE, Request, draw_attributes, lesion_masks

SMOOTH = 0.7                                         # pixels, of frames whose strain is measured
SCALE = 10                                           # pixels; stretches become like shifts
ITERATIONS, DAMPING = 6, 0.1


@dataclass(frozen=True)
class Sweeps:
    """The sweeps of N stills.

    Attributes:
        folder: of the phantom.
        requests: of each still.
        frames: of a sweep.
    """
    folder: Path
    requests: Sequence[Request]
    frames: int

    @classmethod
    def read(cls, folder: Path, stills: Stills) -> Sweeps | None:
        """Of stills from a folder; None if it isn't a phantom's."""
        if not (folder / NOTE).is_file():
            return None
        settings = read_json(folder / NOTE, {'frames': int}, 'prepare the phantom anew')
        requests = [Request('stills', group, label, settings.get('prompts', False))
                    for group, label in zip(stills.groups, stills.labels, strict=True)]
        return cls(folder, requests, settings['frames'])

    @property
    def attributes(self) -> list[dict[str, str]]:
        """What is true of each; see `draw_attributes`."""
        return [draw_attributes(request.patient) for request in self.requests]

    def masks(self, size: int) -> NDArray[np.bool_]:
        """(N, size, size) outlines of the lesions in the stills."""
        moments = [request.still_moment(self.frames) for request in self.requests]
        return np.stack([lesion_masks(request.patient, moment + 1, size)[-1]
                         for request, moment in zip(self.requests, moments, strict=True)])

    def true_clips(self, generator: Generator) -> Tensor:
        """(N, 1, T, H, W) uint8, the true clips of the stills, as a generator's are."""
        read, stride = ReadVideo(generator.size, channels=1).read, round(generator.frame_stride)
        sweeps = [read(str(self.folder / request.oracle)) for request in self.requests]
        return torch.from_numpy(np.stack([
            sweep[::stride][:generator.num_frames] for sweep in sweeps])).unsqueeze(1)


def lesion_strain(clips: Tensor, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N, 1, T, H, W) uint8 clips → (N,) rms strain of the lesion along the beam, per frame.

    From each frame to the next a motion is fitted to the lesion that shifts and stretches it, by
    Gauss and Newton's method on the difference of the frames (Lucas and Kanade 1981).

    Args:
        masks: (N, H, W) of the lesion in the first frame.
    """
    strains = []
    for clip, mask in zip(clips[:, 0].numpy(), masks, strict=True):
        frames = gaussian_filter(clip.astype(np.float64), (0, SMOOTH, SMOOTH))
        steps = [_strain(*pair, mask) for pair in pairwise(frames)]
        strains.append(float(np.sqrt(np.mean(np.square(steps)))))
    return np.array(strains)


def _strain(before: NDArray, after: NDArray, mask: NDArray[np.bool_]) -> float:
    """Stretch along the rows of what is within the mask."""
    rows, columns = np.nonzero(mask)
    down, right = (rows - rows.mean()) / SCALE, (columns - columns.mean()) / SCALE
    slopes, motion = np.gradient(after), np.zeros(4)              # x, its stretch, y, its stretch
    for _ in range(ITERATIONS):
        at = [rows + motion[2] + motion[3] * down, columns + motion[0] + motion[1] * right]
        value, dy, dx = (map_coordinates(image, at, order=1, mode='nearest')
                         for image in (after, *slopes))
        jacobian = np.stack([dx, dx * right, dy, dy * down], axis=1)
        damped = jacobian.T @ jacobian + DAMPING * len(rows) * np.eye(4)
        motion += np.linalg.solve(damped, jacobian.T @ (before[rows, columns] - value))
    return motion[3] / SCALE
