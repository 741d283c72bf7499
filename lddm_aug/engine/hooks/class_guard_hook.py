"""One list of classes in a training, a validation or a test."""
from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from lddm_aug.classes import class_list, refuse_other_classes, shown
from lddm_aug.datasets.leaves import classes_of, label_infos, transforms_of
from lddm_aug.engine.unwrapped import unwrapped

UNLABELLED = -1                                      # MMAction2's label of what has none


@HOOKS.register_module()
class ClassGuardHook(Hook):
    """Refuse a run whose parts have different classes, before its first iteration.

    A label is a number, and what it means stands in a list of names.  The lists of the training,
    the validation, the test, the model and the checkpoint must have the same names in the same
    order, as many as the recognizer's head scores.  Of MMAction2's own data sets, which know no
    names, the labels must be among those that the head scores.

    A training may begin from a checkpoint of other classes, but not where its head would be taken
    over and a name that both know stands at another place.

    Args:
        own_labels: the pipeline makes labels of its own, so that the classes aren't compared.
    """

    def __init__(self, own_labels: bool = False) -> None:
        self.own_labels = own_labels
        self.loaded: tuple[str, ...] = ()            # classes of a checkpoint not trained on yet

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        self.loaded = classes_of_checkpoint(checkpoint)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Note the classes where MMEngine can't, as those inside a Subset."""
        if not self.own_labels and not classes_of_checkpoint(checkpoint):
            known = classes_of(type(self).__name__, 'training', runner.train_dataloader.dataset)
            if known:
                meta = checkpoint['meta'].get('dataset_meta') or {}
                checkpoint['meta']['dataset_meta'] = {**meta, 'classes': known}

    def before_train(self, runner: Runner) -> None:
        held_out = {part: loop.dataloader.dataset
                    for part, loop in (('validation', runner.val_loop), ('test', runner.test_loop))
                    if loop is not None}
        loaded, self.loaded = self.loaded, ()
        if not self.own_labels:
            train = runner.train_dataloader.dataset
            names = self._refuse(unwrapped(runner), {'training': train, **held_out})
            refuse_other_counts(type(self).__name__, unwrapped(runner), train)
            if runner._resume:
                refuse_other_checkpoint(type(self).__name__, 'training', names, loaded)
            else:
                refuse_moved_names(type(self).__name__, names, loaded)

    def before_val(self, runner: Runner) -> None:
        self._before_scoring(runner, 'validation', runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        self._before_scoring(runner, 'test', runner.test_dataloader.dataset)

    def _before_scoring(self, runner: Runner, part: str, dataset: Any) -> None:
        if not self.own_labels:
            owner = type(self).__name__
            refuse_other_checkpoint(owner, part, classes_of(owner, part, dataset), self.loaded)
            self._refuse(unwrapped(runner), {part: dataset})

    def _refuse(self, model: Any, parts: Mapping[str, Any]) -> tuple[str, ...]:
        """Compare the parts with each other and with the model; the classes of the first."""
        owner = type(self).__name__
        names = {part: classes_of(owner, part, dataset) for part, dataset in parts.items()}
        known = [(part, classes) for part, classes in names.items() if classes]
        for part, classes in known[1:]:
            refuse_other_classes(owner, *known[0], part, classes)
        for part, dataset in parts.items():
            refuse_other_model(owner, model, part, names[part])
            refuse_other_labels(owner, model, part, dataset)
        return next(iter(names.values()))


def classes_of_checkpoint(checkpoint: Mapping[str, Any]) -> tuple[str, ...]:
    """What it was trained on; nothing where it doesn't say."""
    meta = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    return class_list('checkpoint', meta.get('classes'))


def refuse_other_checkpoint(owner: str, part: str, names: Sequence[str], loaded: Sequence[str]
                            ) -> None:
    """Raise ValueError if a checkpoint was trained on other classes than a data set has."""
    if names and loaded:
        refuse_other_classes(owner, part, names, 'the checkpoint', loaded,
                             "set classes of the data to the checkpoint's list, or train it anew")


def refuse_moved_names(owner: str, names: Sequence[str], loaded: Sequence[str]) -> None:
    """Raise ValueError if what a training begins from scores a name of its classes elsewhere.

    A head of another number of classes isn't taken over.  One of other names is, and learns anew.
    """
    if len(names) != len(loaded) or tuple(names) == tuple(loaded):
        return
    if any(name in loaded and loaded.index(name) != place for place, name in enumerate(names)):
        refuse_other_checkpoint(owner, 'training', names, loaded)
    print_log(f'{owner}: training of the classes {shown(names)} begins with the head that was '
              f'trained on {shown(loaded)}', logger='current', level=logging.WARNING)


def refuse_other_model(owner: str, model: Any, part: str, names: Sequence[str]) -> None:
    """Raise ValueError if a model knows, or scores, other classes than a data set has."""
    classes, scored = class_list(owner, getattr(model, 'classes', None)), classes_scored(model)
    if names and classes:
        refuse_other_classes(owner, part, names, 'the model', classes,
                             "set model.conditions.label to the data's list")
    if names and scored not in (None, len(names)):
        raise ValueError(f'{owner}: {part} has the {len(names)} classes {shown(names)}, but the '
                         f'recognizer scores {scored}; set model.cls_head.num_classes='
                         f'{len(names)}, or give the data all {scored} classes')


def refuse_other_counts(owner: str, model: Any, dataset: Any) -> None:
    """Raise ValueError if what counts classes in a training counts others than the head."""
    scored = classes_scored(model)
    for place, count in _counts(model, dataset):
        if scored not in (None, count):
            raise ValueError(f'{owner}: the recognizer scores {scored} classes, but {place} is for '
                             f'{count}; let both have the number of the classes in the data')


def refuse_other_labels(owner: str, model: Any, part: str, dataset: Any) -> None:
    """Raise ValueError if a label of a data set is none that the head scores.

    A test may hold what has no label.
    """
    scored, lowest = classes_scored(model), UNLABELLED if part == 'test' else 0
    if scored is None:
        return
    for index, info in enumerate(label_infos(dataset)):
        wrong = _outside(info.get('label'), lowest, scored)
        if wrong:
            raise ValueError(
                f'{owner}: labels of {part} must lie in [0, {scored}), the classes that the '
                f'recognizer scores, but {info.get("filename", f"sample {index}")} has {wrong}; '
                'correct the annotation, or set model.cls_head.num_classes')


def classes_scored(model: Any) -> int | None:
    """How many, where it is a recognizer."""
    return getattr(getattr(model, 'cls_head', None), 'num_classes', None)


def _outside(label: Any, lowest: int, scored: int) -> str:
    """What is wrong with a label: a number, several, or one place per class; else empty."""
    numbers = np.asarray(label)
    if numbers.dtype.kind in 'iu':
        outside = numbers[(numbers < lowest) | (numbers >= scored)]
        return ', '.join(map(str, outside.ravel()))
    places = numbers.size if numbers.dtype.kind == 'f' and numbers.ndim == 1 else scored
    return '' if places == scored else f'one of {places} places'


def _counts(model: Any, dataset: Any) -> Iterator[tuple[str, int]]:
    """What counts classes beside the head, by where it stands in the config."""
    loss = getattr(getattr(model, 'cls_head', None), 'loss_cls', None)
    weight = getattr(loss, 'class_weight', None)
    if weight is not None:
        yield 'model.cls_head.loss_cls.class_weight', len(weight)
    blending = getattr(getattr(model, 'data_preprocessor', None), 'blending', None)
    counting = [('model.data_preprocessor.blending', step)
                for step in (blending, *getattr(blending, 'augments', ()))]
    counting += [(f'{type(step).__name__} in the pipeline', step)
                 for step in transforms_of(dataset)]
    for place, step in counting:
        if getattr(step, 'num_classes', None) is not None:
            yield place, step.num_classes
