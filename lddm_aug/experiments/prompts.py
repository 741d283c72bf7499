"""Is what a sentence names right in a clip?  Sentences of no training, on simulated sweeps."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.conditions import MOTION, SLIDE
from lddm_aug.evaluation.bootstrap import mean_interval
from lddm_aug.experiments.held_out_stills import Stills, make_told
from lddm_aug.experiments.sweeps import Sweeps, lesion_strain
from lddm_aug.functional.clip_motion import measure
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.preparation.phantom_prompts import HELD_OUT

PROMPT = 'prompt'                                    # the column of the phantom's tables
# the value of an attribute that a measured number above the threshold means
ABOVE = {'slide': 'left', 'motion': 'strong', 'lesion': 'soft'}


def obeys_prompts(generator: LDDMGenerator, stills: Stills, sweeps: Sweeps, seed: int = 0
                  ) -> Iterator[dict[str, Any]]:
    """Share of clips in which the attribute that a sentence names is right, and of true clips.

    Every still is told each of HELD_OUT.  An attribute is measured: the picture's slide, whose sign
    counts; its change and the lesion's strain, against thresholds that best divide true clips.
    """
    masks, true = sweeps.masks(generator.size), sweeps.true_clips(generator)
    attributes = sweeps.attributes
    found = {name: _measured(name, true, masks) for name in ABOVE}
    is_above = {name: np.array([each[name] == value for each in attributes])
                for name, value in ABOVE.items()}
    limits = dict(slide=0., **{name: dividing_threshold(found[name], is_above[name])
                               for name in ('motion', 'lesion')})
    right: dict[str, list[NDArray[np.float64]]] = {name: [] for name in ABOVE}
    for name, value, sentence in HELD_OUT:
        clips = make_told(generator, stills, [{PROMPT: sentence}] * len(stills.groups), seed)
        says_above = value == ABOVE[name]
        right[name].append(
            ((_measured(name, clips, masks) > limits[name]) == says_above).astype(float))
        yield _row(f'told "{sentence}": share of clips that obey', right[name][-1], stills)
    for name in ABOVE:
        yield _row(f'told in other words, {name}: share of clips that obey',
                   np.mean(right[name], axis=0), stills)
        yield _row(f'{name}: share of true clips that are told apart',
                   ((found[name] > limits[name]) == is_above[name]).astype(float), stills)
    yield _row(f'told in {len(HELD_OUT)} other ways: share of clips that obey',
               np.mean([each for several in right.values() for each in several], axis=0), stills)


def dividing_threshold(values: NDArray, is_above: NDArray[np.bool_]) -> float:
    """The middle between two values that leaves the fewest on the wrong side."""
    values, order = np.sort(values), np.argsort(values)
    is_above = is_above[order]
    # of a threshold after the first n values: those above among them, and those below behind them
    wrong = np.cumsum(is_above)[:-1] + np.cumsum(~is_above[::-1])[::-1][1:]
    best = int(np.argmin(wrong))
    return float((values[best] + values[best + 1]) / 2)


def _measured(name: str, clips: Tensor, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    if name == 'lesion':
        return lesion_strain(clips, masks)
    return measure({'slide': SLIDE, 'motion': MOTION}[name], clips).double().numpy()


def _row(what: str, values: NDArray[np.float64], stills: Stills) -> dict[str, Any]:
    low, high = mean_interval(values, stills.groups, bounds=(0, 1)) or (None, None)
    return dict(what=what, value=float(values.mean()), low=low, high=high, n=len(values))
