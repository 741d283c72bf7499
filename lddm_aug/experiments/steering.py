"""Does a generator do what it is told?  Asked against measured, on stills that it never saw."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import MODELS
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from torch import Tensor

from lddm_aug.conditions import LABEL, MOTION, Conditions, Told
from lddm_aug.data.annotations import Annotation
from lddm_aug.data.frames import read_square_still
from lddm_aug.evaluation.bootstrap import group_interval
from lddm_aug.evaluation.clip_set import ClipSet, make_clips
from lddm_aug.evaluation.cost import gflop_per_clip
from lddm_aug.files import atomic_write
from lddm_aug.functional.clip_motion import measure
from lddm_aug.functional.pixels import still_to_unit
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.json_files import read_json
from lddm_aug.preparation.phantom import draw_patient, lesion_masks
from lddm_aug.seeds import derive_seed

FRAMES = 60                                          # of a simulated sweep, by default
RANGE = 0.05, 0.95                                   # quantiles between which values are asked for
SMOOTH = 0.7                                         # pixels, of frames whose strain is measured
SCALE = 10                                           # pixels; stretches become like shifts
ITERATIONS, DAMPING = 6, 0.1


@dataclass(frozen=True)
class Stills:
    """N stills that no generator was trained on.

    Attributes:
        pixels: (N, C, H, W) in [−1, 1].
        groups: of each.
        labels: of each.
    """
    pixels: Tensor
    groups: Sequence[str]
    labels: Sequence[str]

    @classmethod
    def read(cls, rows: Iterable[Annotation], generator: LDDMGenerator) -> Stills:
        """Of a table.

        Raises:
            ValueError: if the generator was trained on one of their groups.
        """
        rows = list(rows)
        seen = sorted({row.group for row in rows} & {*generator.groups})
        if seen:
            raise ValueError(f'Stills: {len(seen)} groups of the stills were trained on '
                             f'({seen[0]}, …); take held-out ones')
        pixels = [read_square_still(row.path, row.frame, generator.size, generator.channels)
                  for row in rows]
        return cls(torch.stack([still_to_unit(each) for each in pixels]),
                   [row.group for row in rows], [row.label for row in rows])


def measure_steering(generator: LDDMGenerator, stills: Stills, real: ClipSet, simulated: bool,
                     guidance: Mapping[str, float], seed: int = 0) -> Iterator[dict[str, Any]]:
    """Every figure: what, value, low, high (95 %, over groups) and n clips.

    Args:
        stills: that the generator never saw.
        real: held-out clips.
        simulated: whether the stills are the phantom's, whose lesions are known.
        guidance: of conditions, where values of them are asked for; a student has its own.
    """
    told = generator.with_sampler(condition_guidance=dict(guidance)) if guidance else generator
    weights = ''.join(f', guidance {name}={weight:g}'
                      for name, weight in told.sampler.condition_guidance.items())
    for name in generator.conditions.measured:
        row = obeys_number(told, stills, name, seed)
        yield row | dict(what=row['what'] + weights)
    yield spread_of_motion(generator, real, seed)
    if simulated and LABEL in generator.conditions:
        row = obeys_class(told, stills, seed)
        yield row | dict(what=row['what'] + weights)
    plain = _gflop(generator, Conditions('steering'))
    yield dict(what="conditions' share of a clip's arithmetic", n=1, low=None, high=None,
               value=_gflop(generator, generator.conditions) / plain - 1)


def put_rows(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Into a list in a file, in the place of rows of the same command and name."""
    old = read_json(file, [dict], 'name another --out') if file.is_file() else []
    new = {(row['what'], row['command']) for row in rows}
    kept = [row for row in old if (row.get('what'), row.get('command')) not in new]
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as out:
        out.write(json.dumps([*kept, *rows], indent=1).encode() + b'\n')


def _gflop(generator: LDDMGenerator, conditions: Conditions) -> float:
    """Of a clip, by a generator of these conditions and otherwise the same."""
    config = generator.config
    config['diffusion']['conditions'] = conditions.as_config()
    config['condition_guidance'] = None
    config['diffusion'].pop('condition_guidance', None)           # of a student
    return gflop_per_clip(MODELS.build(config))


def _clips(generator: LDDMGenerator, stills: Stills, told: Sequence[Told], seed: int) -> Tensor:
    """(N, C, T, H, W) uint8, a clip of each still, told this."""
    seeds = [derive_seed('steering', seed, number) for number in range(len(told))]
    return make_clips(generator, stills.pixels, seeds, told)


def obeys_number(generator: LDDMGenerator, stills: Stills, name: str, seed: int = 0
                 ) -> dict[str, Any]:
    """Rank correlation of a measured condition, asked for and found in the clips.

    Values are asked for evenly between the 5 % and the 95 % quantile of the training clips.
    """
    shares = np.random.default_rng(derive_seed(name, seed)).permutation(
        np.linspace(*RANGE, len(stills.groups)))
    asked = [generator.diffusion.draw_measured(name, np.nan, share) for share in shares]
    values = [generator.shown(name, value) for value in asked]
    told: list[Told] = [
        {LABEL: label, name: value} for label, value in zip(stills.labels, values, strict=True)]
    found = measure(name, _clips(generator, stills, told, seed)).numpy()
    return _row(f'{name}, asked against measured: rank correlation', stills.groups,
                lambda clips: float(spearmanr(np.array(asked)[clips], found[clips])[0]), (-1, 1))


def spread_of_motion(generator: LDDMGenerator, real: ClipSet, seed: int = 0) -> dict[str, Any]:
    """Spread of the log rms change among clips for which nothing is set, over that of true clips.

    Each clip begins as the true one does.
    """
    stills = Stills(real.stills, real.groups, real.labels)
    made = measure(MOTION, _clips(generator, stills, [{LABEL: each} for each in real.labels],
                                      seed)).numpy()
    true = measure(MOTION, real.clips).numpy()
    return _row('spread of log rms change, generated over true', real.groups,
                lambda clips: float(made[clips].std() / true[clips].std()), (0, np.inf))


def obeys_class(generator: LDDMGenerator, stills: Stills, seed: int = 0) -> dict[str, Any]:
    """AUC of the lesion's strain: does a simulated lesion move like the class that was told?

    Every still is told both classes, whatever its own is.

    Args:
        stills: of the phantom's patients who give stills.
    """
    benign, malignant = (
        lesion_strain(_clips(generator, stills, [{LABEL: name}] * len(stills.groups), seed),
                        _masks(stills)) for name in ('benign', 'malignant'))
    return _row("AUC of the lesion's strain, told benign against malignant", stills.groups,
                lambda clips: float(roc_auc_score(
                    np.repeat([1, 0], len(clips)),
                    np.concatenate([benign[clips], malignant[clips]]))), (0, 1))


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


def _masks(stills: Stills) -> NDArray[np.bool_]:
    """(N, H, W) of the phantom's lesions; see `write_patient`."""
    size, masks = stills.pixels.shape[-1], []
    for group, label in zip(stills.groups, stills.labels, strict=True):
        patient = draw_patient(group, label)
        moment = int(patient.rng('still').integers(FRAMES))
        masks.append(lesion_masks(patient, moment + 1, size)[-1])
    return np.stack(masks)


def _row(what: str, groups: Sequence[str], statistic: Callable[[NDArray], float],
         bounds: tuple[float, float]) -> dict[str, Any]:
    low, high = group_interval(statistic, groups, bounds=bounds) or (None, None)
    return dict(what=what, value=statistic(np.arange(len(groups))), low=low, high=high,
                n=len(groups))
