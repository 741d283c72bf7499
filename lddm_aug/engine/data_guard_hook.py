"""What must never be validated or tested on."""
from __future__ import annotations

from typing import Any

from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner

SHOWN = 5


@HOOKS.register_module()
class DataGuardHook(Hook):
    """Refuse synthetic clips in validation and test, and groups that stand in training as well.

    All three data sets of the config are compared before training starts, not when it comes to
    validation.  Of MMAction2's own data sets, which know no groups, only the origin is looked at.
    """

    def before_train(self, runner: Runner) -> None:
        train = runner.train_dataloader.dataset
        for part, loop in (('validation', runner.val_loop), ('test', runner.test_loop)):
            if loop is not None:
                dataset = loop.dataloader.dataset
                refuse_synthetic(part, dataset)
                refuse_shared_groups(part, groups_of(train), groups_of(dataset))

    def before_val(self, runner: Runner) -> None:
        refuse_synthetic('validation', runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        refuse_synthetic('test', runner.test_dataloader.dataset)


def refuse_synthetic(part: str, dataset: Any) -> None:
    """Raise ValueError if a sample of the data set is a synthetic clip."""
    origins = (dataset.get_data_info(index).get('origin') for index in range(len(dataset)))
    if 'synthetic' in origins:
        raise ValueError(f'DataGuardHook: {part} must see real clips only, but its '
                         f'{type(dataset).__name__} holds synthetic ones; take the data set of '
                         'real clips in its dataloader')


def refuse_shared_groups(part: str, train: frozenset[str], held_out: frozenset[str]) -> None:
    """Raise ValueError if a group stands in training and in what was held out."""
    shared = sorted(train & held_out)
    if shared:
        names = ', '.join(shared[:SHOWN]) + (', …' if len(shared) > SHOWN else '')
        raise ValueError(f'DataGuardHook: a group must not stand in training and in {part}, '
                         f'but {len(shared)} of them do: {names}; take each out of one of the two')


def groups_of(dataset: Any) -> frozenset[str]:
    """A data set's groups, looked for inside MMEngine's wrappers; none where it knows none."""
    if hasattr(dataset, 'groups'):
        return frozenset(dataset.groups)
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    return frozenset().union(*(groups_of(part) for part in inner if part is not None))
