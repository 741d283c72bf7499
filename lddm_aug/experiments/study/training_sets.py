"""What a recognizer is trained on, by name: a base, and options behind a +, as in lddm_mix+mixup.

    real            real videos only
    real_twice      a placebo: the same real videos in place of synthetic clips
    synthetic       LDDM's clips only
    lddm_mix        real + LDDM's clips; its generator is told the still's class
    lddm_blind_mix  … and here it isn't: it has the still alone, as in the paper
    cinn_mix        real + the clips of the paper's baseline
    still_mix       control: real + stills in which nothing moves
    warp_mix        control: … that are warped at random
    transfer_mix    control: … that move like a training video of the same class
    oracle          real + the true clips behind the stills, where they are known

Those with the name of a config train as it does.
"""
from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

REAL, SYNTHETIC = 'real', 'synthetic'
# base → what joins the real videos: a generator's clips, or other videos
BASES = {
    'real': None, 'real_twice': 'real', 'oracle': 'oracle',
    'synthetic': 'lddm', 'lddm_mix': 'lddm', 'lddm_blind_mix': 'lddm_blind', 'cinn_mix': 'cinn',
    'still_mix': 'still', 'warp_mix': 'warp', 'transfer_mix': 'transfer',
}
CONTROLS = ('real_twice', 'still_mix', 'warp_mix', 'transfer_mix')
BASELINES = ('cinn_mix', 'lddm_blind_mix')           # the paper's, and LDDM told no class, as there

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
        unknown = [part for part, known in [(base, BASES), *((option, OPTIONS)
                                                             for option in options)]
                   if part not in known]
        if unknown:
            raise ValueError(f'training set {name!r}: {", ".join(map(repr, unknown))} is unknown; '
                             f'the bases are {", ".join(BASES)}, and the options behind a + '
                             f'{", ".join(OPTIONS)}')
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
        return self.generator is not None and (self.is_mix or option in ('soft', 'filtered'))

    @property
    def is_mix(self) -> bool:
        """Whether something joins the real videos at a ratio."""
        return self.base not in (REAL, SYNTHETIC)

    @property
    def generator(self) -> str | None:
        """Who makes its clips, a name in stores.py."""
        source = BASES[self.base]
        return None if source in ('real', 'oracle') else source


def put_into(config: Config, training_set: TrainingSet, *, seed: int, store: str | None = None,
             keep: str | None = None, oracle: dict[str, Any] | None = None,
             synthetic_per_real: float | None = None) -> None:
    """Let a config that trains on real videos train on this set instead.

    Args:
        config: of `*_real.py`, its data set already that of the split.
        seed: of what is drawn.
        store: the generator's clips.
        keep: list of those that passed the quality filter.
        oracle: how a VideoClipDataset finds the true clips.
        synthetic_per_real: of a mix.
    """
    real = config.train_dataloader.dataset
    joining = deepcopy(real)
    if training_set.generator is not None:
        joining = dict(type='SyntheticClipDataset', store=store, classes=real.get('classes'),
                       pipeline=deepcopy(real.pipeline))
        if keep is not None:
            joining['keep'] = keep
    elif training_set.base == 'oracle':
        for key in ('split', 'split_file'):
            joining.pop(key, None)
        joining.update(oracle)
    joining['seed'] = seed + 1                       # not the draws of the same clips in `real`
    if 'soft' in training_set.options:
        for part in (real, joining):
            part['pipeline'] = _soften(part['pipeline'], config.model.cls_head.num_classes)

    dataset = {REAL: real, SYNTHETIC: joining}.get(training_set.base)
    if dataset is None:
        dataset = dict(type='LDDMMixedDataset', real=real, synthetic=joining, seed=seed,
                       synthetic_per_real=synthetic_per_real)
    config.train_dataloader.dataset = dataset
    for option in training_set.options:
        if option in SCHEDULES:
            config.custom_hooks = [*config.custom_hooks, dict(
                type='SyntheticShareHook', points=SCHEDULES[option])]
        elif option in BLENDINGS:
            config.model.data_preprocessor.blending = dict(
                BLENDINGS[option], num_classes=config.model.cls_head.num_classes)


def _soften(pipeline: list[dict], num_classes: int) -> list[dict]:
    """The pipeline with SoftenLabel before the sample is packed."""
    soften = dict(type='SoftenLabel', num_classes=num_classes)
    return [part for transform in pipeline
            for part in ([soften] if transform['type'] == 'PackActionInputs' else []) + [transform]]
