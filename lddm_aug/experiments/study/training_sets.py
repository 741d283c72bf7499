"""What a recognizer is trained on: a training set by its name, and options behind a +.

lddm_mix+mixup is `lddm_mix` of datasets/training_sets.py, batches blended.
"""
from __future__ import annotations

from dataclasses import dataclass

from mmengine.config import Config

from lddm_aug.datasets.training_sets import (
    MIX,
    TRAINING_SETS,
    find_training_set,
    is_training_set,
)

REAL, SYNTHETIC = 'real', 'synthetic'
CONTROLS = ('real_twice', 'still_mix', 'noisy_still', 'shuffled', 'warp_mix', 'transfer_mix')
BASELINES = ('cinn_mix', 'lddm_blind_mix')           # the paper's, and an unconditional LDDM

# which part of the synthetic samples stays synthetic: (progress of the training, part)
SCHEDULES = {
    'warm_up': [(0, 0), (0.5, 1)],
    'decay': [(0, 1), (1, 0)],
    'off_at_end': [(0, 1), (0.75, 1), (0.75, 0)],
}
BLENDINGS = {
    'mixup': dict(type='MixupBlending', alpha=0.2),
    'cutmix': dict(type='CutmixBlending', alpha=1.0),
}
OPTIONS = (*SCHEDULES, *BLENDINGS, 'soft', 'filtered')


@dataclass(frozen=True)
class TrainingSet:
    """A base and its options."""
    base: str
    options: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str) -> TrainingSet:
        """lddm_mix+soft+mixup → itself.

        Raises:
            ValueError: for an unknown part, an option that the base has no use for, options that
                exclude each other, or a second name for the same training.
        """
        base, *options = name.split('+')
        training_set = cls(base, tuple(options))
        unknown = [option for option in options if option not in OPTIONS]
        if not is_training_set(base):
            unknown.insert(0, base)
        if unknown:
            raise ValueError(f'training set {name!r}: {", ".join(map(repr, unknown))} is unknown; '
                             f'the bases are {", ".join(TRAINING_SETS)}, or a recipe and {MIX}, '
                             f'and the options behind a + {", ".join(OPTIONS)}')
        useless = [option for option in options if not training_set._can(option)]
        if useless:
            raise ValueError(f'training set {name!r}: {", ".join(useless)} needs generated clips '
                             'beside real ones; leave it out')
        training_set._refuse_conflicts(name)
        return training_set

    def _refuse_conflicts(self, name: str) -> None:
        ordered = [option for option in OPTIONS if option in self.options]
        for what, known in (('schedule', SCHEDULES), ('blending', BLENDINGS)):
            chosen = [option for option in ordered if option in known]
            if len(chosen) > 1:
                raise ValueError(f'training set {name!r}: there can be one {what} at most, but '
                                 f'got {" and ".join(chosen)}; leave all but one out')
        if self.options != tuple(ordered):
            raise ValueError(f'training set {name!r}: options stand once each, in the order '
                             f'{", ".join(OPTIONS)}, so that a training has one name; '
                             f'call it {"+".join([self.base, *ordered])}')

    def _can(self, option: str) -> bool:
        if option in BLENDINGS:
            return True
        if option == 'filtered' and not find_training_set(self.base).stored:
            return False
        return self.generator is not None and (self.is_mix or option in ('soft', 'filtered'))

    @property
    def is_mix(self) -> bool:
        """Whether something joins the real videos at a ratio."""
        return find_training_set(self.base).mixes

    @property
    def generator(self) -> str | None:
        """Who makes its clips, a name in stores.py."""
        return find_training_set(self.base).generator


def put_into(config: Config, training_set: TrainingSet, *, seed: int,
             keep: str | None = None, synthetic_per_real: float | None = None) -> None:
    """Let a config that trains on real videos train on this set instead.

    Args:
        config: of real videos, its data set already that of the split, and its `data` saying where
            clips, a generator or the true clips lie.
        seed: of what is drawn.
        keep: list of the clips that passed the quality filter.
        synthetic_per_real: of a mix.
    """
    dataset = find_training_set(training_set.base).make(config)
    dataset.pop('_delete_', None)
    joining = dataset['synthetic'] if training_set.is_mix else dataset
    if training_set.base != REAL:
        joining['seed'] = seed + 1                   # not the draws of the same clips in `real`
    if keep is not None:
        joining['keep'] = keep
    if training_set.is_mix:
        dataset.update(seed=seed, synthetic_per_real=synthetic_per_real)
    if 'soft' in training_set.options:
        parts = (dataset['real'], joining) if training_set.is_mix else (joining,)
        for part in parts:
            part['pipeline'] = _soften(part['pipeline'], config.model.cls_head.num_classes)
    config.train_dataloader.dataset = dataset
    for option in training_set.options:
        if option in SCHEDULES:
            config.custom_hooks = [*config.custom_hooks, dict(
                type='SyntheticShareHook', points=SCHEDULES[option])]
        elif option in BLENDINGS:
            config.model.data_preprocessor.blending = dict(
                BLENDINGS[option], num_classes=config.model.cls_head.num_classes)


def _soften(pipeline: list[dict], num_classes: int) -> list[dict]:
    """The pipeline with SoftenLabel before the sample is packed, also inside a transform."""
    softened: list[dict] = []
    for transform in pipeline:
        if transform['type'] == 'PackActionInputs':
            softened.append(dict(type='SoftenLabel', num_classes=num_classes))
        inner = transform.get('pipeline')
        softened.append(transform if inner is None else
                        dict(transform, pipeline=_soften(inner, num_classes)))
    return softened
