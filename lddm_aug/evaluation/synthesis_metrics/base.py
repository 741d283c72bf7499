"""What a metric of synthesis is, and what it looks at."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from lddm_aug.evaluation.bootstrap import mean_interval
from lddm_aug.evaluation.clip_set import ClipSet
from lddm_aug.generators.base import Generator

MORE_CLIPS = 'raise --segments, or add videos'       # the advice where held-out clips are few
# what tables show first, in this order; other metrics follow by name
FIRST = ('fd', 'fd_tempo', 'fvd', 'dtfvd', 'lpips', 'div', 'psnr_db', 'ssim', 'two_sample_auc',
         'temporal', 'memorisation')


@dataclass(frozen=True)
class SynthesisOptions:
    """How much is measured.

    Attributes:
        seed: of the clips and of every resampling.
        resamples: of each interval.
        perceptual_frames: frames of a clip, evenly spaced after the first, for LPIPS and for DIV
            in VGG features; 0 takes all.
        diversity_stills: stills, evenly spaced in the set, for DIV; 0 leaves DIV out.
        diversity_samples: clips of each of them; published values are of five.
    """
    seed: int = 0
    resamples: int = 200
    perceptual_frames: int = 4
    diversity_stills: int = 16
    diversity_samples: int = 5

    def __post_init__(self) -> None:
        for name, number in asdict(self).items():
            if number < 0:
                raise ValueError(f'SynthesisOptions: {name} must be 0 or more, but got {number}')


@dataclass
class Evaluation:
    """One generator's clips beside real ones; what a metric looks at.

    Attributes:
        generator: which may make more clips.
        real: held-out clips.
        training: real clips that the generator was trained on.
        generated: from the first frames of `real`, in its order.
        networks: by name, those that were given: see `register_network`.
        options: how much is measured.
        notes: what must be reported beside the figures; a metric appends to it.
    """
    generator: Generator
    real: ClipSet
    training: ClipSet
    generated: ClipSet
    networks: Mapping[str, Any]
    options: SynthesisOptions
    notes: list[str] = field(default_factory=list)

    @property
    def groups(self) -> Sequence[str]:
        """Of the real clips, and so of the generated ones; intervals resample them."""
        return self.real.groups

    @property
    def resampling(self) -> dict[str, Any]:
        """Arguments of `mean_interval` and `group_interval`."""
        return dict(resamples=self.options.resamples, seed=self.options.seed)


class Row(NamedTuple):
    """One line of a report."""
    figure: str
    value: str
    interval: str
    remark: str = ''
    better: str = ''


class SynthesisMetric(ABC):
    """One thing that is measured of a generator's clips.

    Attributes:
        name: key of the figure in the results.
        title: heading of its column in Table 1; blank if it has none there.
        unit: as dB; blank for a number without.
        better: `lower` or `higher`; blank where neither is.
        networks: names of the networks that it looks through, if they are given.
        variant: key that names which variant was measured, where there are several.
        remark: what must stand beside the figure in a report.
    """
    name: str
    title: str = ''
    unit: str = ''
    better: Literal['', 'lower', 'higher'] = ''
    networks: tuple[str, ...] = ()
    variant: str = ''
    remark: str = ''

    @abstractmethod
    def measure(self, evaluation: Evaluation) -> dict[str, Any]:
        """What JSON can hold: the figure, `<name>_interval`, and what else belongs to it.

        A figure that can't be measured is None, and a note in the evaluation says why.
        """

    def rows(self, results: Mapping[str, Any]) -> list[Row]:
        """Its lines in a report."""
        if results.get(self.name) is None:
            return []
        figure = results[self.variant] if self.variant else ', '.join(
            filter(None, (self.title or self.name, self.unit)))
        return [self.row(figure, results[self.name], results[f'{self.name}_interval'],
                         self.remark)]

    def row(self, figure: str, value: float, interval: Sequence[float] | None, remark: str) -> Row:
        text = '' if interval is None else f'[{interval[0]:.3g}, {interval[1]:.3g}]'
        return Row(figure, f'{value:.4g}', text, remark, self.better)

    def conclusions(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Lines below Table 1; `rows` are results of several generators and seeds."""
        yield from ()


class MeanMetric(SynthesisMetric):
    """The mean of one number per clip."""

    @abstractmethod
    def values(self, evaluation: Evaluation) -> NDArray[np.float64] | None:
        """(N,) one number for each generated clip; None if it can't be measured."""

    def measure(self, evaluation: Evaluation) -> dict[str, Any]:
        values = self.values(evaluation)
        if values is None:
            return {self.name: None, f'{self.name}_interval': None}
        return {self.name: float(values.mean()), f'{self.name}_interval': mean_interval(
            values, evaluation.groups, **evaluation.resampling)}


_METRICS: dict[str, SynthesisMetric] = {}
Metric = TypeVar('Metric', bound='SynthesisMetric | type[SynthesisMetric]')


def register_metric(metric: Metric) -> Metric:
    """Let every evaluation measure it, and every report and Table 1 show it.

    Args:
        metric: one, or a class that needs no arguments.

    Raises:
        ValueError: if there is one of this name.
    """
    made = metric() if isinstance(metric, type) else metric
    if made.name in _METRICS:
        raise ValueError(f'register_metric: there is a metric {made.name!r} already; choose '
                         'another name')
    _METRICS[made.name] = made
    return metric


def registered_metrics() -> list[SynthesisMetric]:
    """All, in the order in which tables show them."""
    first = {name: place for place, name in enumerate(FIRST)}
    return sorted(_METRICS.values(), key=lambda metric: (first.get(metric.name, len(first)),
                                                         metric.name))


def evenly_spaced(length: int, count: int) -> list[int]:
    """Up to `count` indices below `length`."""
    return np.unique(np.linspace(0, length - 1, min(count, length)).round().astype(int)).tolist()
