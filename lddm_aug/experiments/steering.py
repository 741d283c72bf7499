"""Does a generator do what it is told?  Asked against measured, on stills that it never saw."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mmaction.registry import MODELS
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from torch import Tensor

from lddm_aug.conditions import LABEL, MOTION, Conditions, Told
from lddm_aug.evaluation.bootstrap import group_interval
from lddm_aug.evaluation.borders import MEASURES, SIDES, describe_borders
from lddm_aug.evaluation.clip_set import ClipSet
from lddm_aug.evaluation.cost import gflop_per_clip
from lddm_aug.experiments.held_out_stills import Stills, make_told
from lddm_aug.experiments.prompts import PROMPT, obeys_prompts
from lddm_aug.experiments.sweeps import Sweeps, lesion_strain
from lddm_aug.functional.clip_motion import measure
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.seeds import derive_seed

RANGE = 0.05, 0.95                                   # quantiles between which values are asked for


def measure_steering(generator: LDDMGenerator, stills: Stills, real: ClipSet,
                     sweeps: Sweeps | None, guidance: Mapping[str, float], seed: int = 0
                     ) -> Iterator[dict[str, Any]]:
    """Every figure: what, value, low, high (95 %, over groups) and n clips.

    Args:
        stills: that the generator never saw.
        real: held-out clips.
        sweeps: of the stills, if they are the phantom's, whose lesions are known.
        guidance: of conditions, where values of them are asked for; a student has its own.
    """
    told = generator.with_sampler(condition_guidance=dict(guidance)) if guidance else generator
    weights = ''.join(f', guidance {name}={weight:g}'
                      for name, weight in told.sampler.condition_guidance.items())
    for name in generator.conditions.measured:
        row = obeys_number(told, stills, name, seed)
        yield row | dict(what=row['what'] + weights)
    undirected = clips_as_real(generator, real, seed)
    yield spread_of_motion(undirected, real)
    yield from borders(undirected, real)
    if sweeps is not None and LABEL in generator.conditions:
        row = obeys_class(told, stills, sweeps, seed)
        yield row | dict(what=row['what'] + weights)
    if sweeps is not None and PROMPT in generator.conditions:
        for row in obeys_prompts(told, stills, sweeps, seed):
            yield row | dict(what=row['what'] + weights)
    plain = _gflop(generator, Conditions('steering'))
    yield dict(what="conditions' share of a clip's arithmetic", n=1, low=None, high=None,
               value=_gflop(generator, generator.conditions) / plain - 1)


def _gflop(generator: LDDMGenerator, conditions: Conditions) -> float:
    """Of a clip, by a generator of these conditions and otherwise the same."""
    config = generator.config
    config['diffusion']['conditions'] = conditions.as_config()
    config['condition_guidance'] = None
    config['diffusion'].pop('condition_guidance', None)           # of a student
    return gflop_per_clip(MODELS.build(config))


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
    found = measure(name, make_told(generator, stills, told, seed)).numpy()
    return _row(f'{name}, asked against measured: rank correlation', stills.groups,
                lambda clips: float(spearmanr(np.array(asked)[clips], found[clips])[0]), (-1, 1))


def clips_as_real(generator: LDDMGenerator, real: ClipSet, seed: int = 0) -> Tensor:
    """(N, C, T, H, W) uint8 clips that begin as real ones and are told the class alone."""
    stills = Stills(real.stills, real.groups, real.labels)
    return make_told(generator, stills, [{LABEL: each} for each in real.labels], seed)


def spread_of_motion(clips: Tensor, real: ClipSet) -> dict[str, Any]:
    """Spread of the log rms change among `clips_as_real`, over that of true clips."""
    made, true = measure(MOTION, clips).numpy(), measure(MOTION, real.clips).numpy()
    return _row('spread of log rms change, generated over true', real.groups,
                lambda chosen: float(made[chosen].std() / true[chosen].std()), (0, np.inf))


def borders(clips: Tensor, real: ClipSet) -> Iterator[dict[str, Any]]:
    """What `describe_borders` measures at every side, of `clips_as_real` over true clips."""
    made, true = describe_borders(clips), describe_borders(real.clips)
    for name in MEASURES:
        for number, side in enumerate(SIDES):
            def ratio(chosen: NDArray, name: str = name, number: int = number) -> float:
                ours, theirs = (each[name][chosen, number].mean() for each in (made, true))
                return float(ours / theirs)

            yield _row(f'{side} border, {name}, generated over true', real.groups, ratio,
                       (0, np.inf))


def obeys_class(generator: LDDMGenerator, stills: Stills, sweeps: Sweeps, seed: int = 0
                ) -> dict[str, Any]:
    """AUC of the lesion's strain: does a simulated lesion move like the class that was told?

    Every still is told both classes, whatever its own is.

    Args:
        stills: of the phantom's patients who give stills.
        sweeps: of them.
    """
    masks = sweeps.masks(generator.size)
    benign, malignant = (
        lesion_strain(make_told(generator, stills, [{LABEL: name}] * len(stills.groups), seed),
                      masks) for name in ('benign', 'malignant'))
    return _row("AUC of the lesion's strain, told benign against malignant", stills.groups,
                lambda clips: float(roc_auc_score(
                    np.repeat([1, 0], len(clips)),
                    np.concatenate([benign[clips], malignant[clips]]))), (0, 1))


def _row(what: str, groups: Sequence[str], statistic: Callable[[NDArray], float],
         bounds: tuple[float, float]) -> dict[str, Any]:
    low, high = group_interval(statistic, groups, bounds=bounds) or (None, None)
    return dict(what=what, value=statistic(np.arange(len(groups))), low=low, high=high,
                n=len(groups))
