"""Every pair of places that have a list of classes."""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmaction.models.losses import CrossEntropyLoss
from mmaction.models.utils.blending_utils import MixupBlending, RandomBatchAugment
from mmengine.runner import Runner
from torch.utils.data import ConcatDataset, Subset

from lddm_aug.datasets.transforms.soften_label import SoftenLabel
from lddm_aug.engine.hooks import class_guard_hook
from tests.engine.conftest import Points

HOOKS = [dict(type='ClassGuardHook')]
AB, BA, ABC = ('a', 'b'), ('b', 'a'), ('a', 'b', 'c')


class Labelled(Points):
    """Points with classes, or with labels that nothing names."""

    def __init__(self, classes: Any = None, labels: Sequence[Any] = (0,) * 6) -> None:
        super().__init__()
        self.metainfo = {} if classes is None else dict(classes=classes)
        self.labels = labels

    def get_data_info(self, index: int) -> dict[str, Any]:
        return dict(super().get_data_info(index), label=self.labels[index])


def recognizer(runner: Runner, num_classes: int, **parts: Any) -> Runner:
    runner.model.cls_head = SimpleNamespace(num_classes=num_classes, **parts)
    return runner


@pytest.fixture
def trained(toy_runner, tmp_path) -> Callable[[Any], str]:
    """trained(classes) → a checkpoint."""
    def train(classes: Any, dataset: Any = None) -> str:
        toy_runner(1, hooks=HOOKS, train=dataset or Labelled(classes)).train()
        return str(tmp_path / 'epoch_1.pth')
    return train


@pytest.mark.parametrize('theirs', [BA, ABC, ('a',), ('A', 'b'), ('c', 'd')])
@pytest.mark.parametrize('part, name', [('val', 'validation'), ('test', 'test')])
def test_training_has_the_classes_of_what_is_held_out(toy_runner, part: str, name: str, theirs):
    toy_runner(1, hooks=HOOKS, train=Labelled(AB), **{part: Labelled(list(AB))}).train()
    runner = toy_runner(1, hooks=HOOKS, train=Labelled(AB), **{part: Labelled(theirs)})
    with pytest.raises(ValueError, match=f'the classes of training are a, b, but those of {name} '
                                         f'are {", ".join(theirs)}: '):
        runner.train()
    assert runner.iter == 0


def test_a_validation_and_a_test_have_the_same_classes_though_training_names_none(toy_runner):
    runner = toy_runner(1, hooks=HOOKS, train=Labelled(), val=Labelled(AB), test=Labelled(BA))
    with pytest.raises(ValueError, match='of validation are a, b, but those of test are b, a'):
        runner.train()


@pytest.mark.parametrize('wrap', [
    lambda one, other: ConcatDataset([one, other]),
    lambda one, other: ConcatDataset([Subset(one, [0, 1]), Subset(other, [2])])])
def test_parts_of_a_set_have_one_list(toy_runner, wrap):
    toy_runner(1, hooks=HOOKS, train=wrap(Labelled(AB), Labelled(AB))).train()
    with pytest.raises(ValueError, match=r'of one part of training are a, b, .* another are b, a'):
        toy_runner(1, hooks=HOOKS, train=wrap(Labelled(AB), Labelled(BA))).train()


@pytest.mark.parametrize('loop', ['train', 'val', 'test'])
def test_the_head_scores_the_classes_of_every_part(toy_runner, loop: str):
    part = {'train': 'training', 'val': 'validation', 'test': 'test'}[loop]
    datasets = {'val': Labelled(ABC), 'test': Labelled(ABC)}
    recognizer(toy_runner(1, hooks=HOOKS, train=Labelled(ABC), **datasets), 3)
    runner = recognizer(toy_runner(1, hooks=HOOKS, train=Labelled(ABC), **datasets), 2)
    with pytest.raises(ValueError, match=rf'{part} has the 3 classes a, b, c, but the recognizer '
                                         r'scores 2; set model\.cls_head\.num_classes=3'):
        getattr(runner, loop)()


@pytest.mark.parametrize('loop', ['train', 'val', 'test'])
@pytest.mark.parametrize('label, wrong', [
    (2, 'has 2'), ([0, 5], 'has 5'), (torch.tensor([0., 1., 0.]), 'has one of 3 places')])
def test_a_label_without_a_name_is_one_that_the_head_scores(toy_runner, loop: str, label, wrong):
    part = {'train': 'training', 'val': 'validation', 'test': 'test'}[loop]
    held_out = Labelled(labels=[0, 1, 1, label, 0, 0])
    runner = recognizer(toy_runner(1, hooks=HOOKS, train=held_out, val=held_out, test=held_out), 2)
    with pytest.raises(ValueError, match=rf'labels of {part} must lie in \[0, 2\), .* sample 3 '
                                         f'{wrong}'):
        getattr(runner, loop)()


def test_a_test_may_hold_what_has_no_label_but_a_training_may_not(toy_runner):
    unlabelled = Labelled(labels=[-1] * 6)
    recognizer(toy_runner(1, hooks=HOOKS, test=unlabelled), 2).test()
    with pytest.raises(ValueError, match=r'labels of training must lie in .* sample 0 has -1'):
        recognizer(toy_runner(1, hooks=HOOKS, train=unlabelled), 2).train()


def test_labels_that_the_head_scores_are_taken(toy_runner):
    one_hot = [torch.tensor([0., 1.])] * 6
    for labels in ([0, 1] * 3, [[0], [0, 1]] * 3, one_hot):
        held_out = Labelled(labels=labels)
        recognizer(toy_runner(1, hooks=HOOKS, train=held_out, val=held_out), 2).train()


@pytest.mark.parametrize('told', [BA, ('a',), ('c', 'd'), 'ab'])
def test_a_model_is_told_the_classes_of_the_data(toy_runner, told):
    runner = toy_runner(1, hooks=HOOKS, train=Labelled(AB))
    runner.model.classes = AB
    runner.train()
    runner = toy_runner(1, hooks=HOOKS, train=Labelled(AB))
    runner.model.classes = told
    with pytest.raises(ValueError, match=r'of training are a, b, but those of the model are .* '
                                         r'set model.conditions'):
        runner.train()


@pytest.mark.parametrize('parts, place', [
    (dict(head=dict(loss_cls=CrossEntropyLoss(class_weight=[1., 2., 3.]))), 'class_weight'),
    (dict(blending=MixupBlending(num_classes=3)), 'blending'),
    (dict(blending=RandomBatchAugment([dict(type='CutmixBlending', num_classes=3)])), 'blending'),
    (dict(transform=SoftenLabel(3)), 'SoftenLabel')])
def test_what_else_counts_classes_counts_those_of_the_head(toy_runner, parts, place: str):
    for scored in (3, 2):
        train = Labelled(ABC[:scored])
        train.pipeline = SimpleNamespace(transforms=[parts.get('transform')])
        runner = recognizer(toy_runner(1, hooks=HOOKS, train=train), scored,
                            **parts.get('head', {}))
        runner.model.data_preprocessor.blending = parts.get('blending')
        if scored == 3:
            runner.train()
        else:
            with pytest.raises(ValueError, match=f'scores 2 classes, but .*{place}.* is for 3;'):
                runner.train()


# ── checkpoints ──

@pytest.mark.parametrize('theirs', [BA, ABC, ('c', 'd')])
@pytest.mark.parametrize('part, name', [('val', 'validation'), ('test', 'test')])
def test_what_scores_learnt_the_classes_of_the_data(toy_runner, trained, part: str, name: str,
                                                    theirs):
    arguments = dict(hooks=HOOKS, load_from=trained(AB), checkpoint=dict(type='CheckpointHook'))
    getattr(toy_runner(**arguments, **{part: Labelled(AB)}), part)()
    runner = toy_runner(**arguments, **{part: Labelled(theirs)})
    with pytest.raises(ValueError, match=f'of {name} are {", ".join(theirs)}, but those of the '
                                         'checkpoint are a, b: '):
        getattr(runner, part)()


@pytest.mark.parametrize('theirs', [BA, ABC, ('c', 'd')])
def test_a_training_is_not_resumed_with_other_classes(toy_runner, trained, theirs):
    checkpoint = trained(AB)
    with pytest.raises(ValueError, match=r'of training .*, but those of the checkpoint are a, b'):
        toy_runner(2, hooks=HOOKS, load_from=checkpoint, resume=True,
                   train=Labelled(theirs)).train()
    toy_runner(2, hooks=HOOKS, load_from=checkpoint, resume=True, train=Labelled(AB)).train()


@pytest.mark.parametrize('theirs', [BA, ('b', 'c')])
def test_a_training_does_not_begin_with_a_head_that_scores_a_class_elsewhere(toy_runner, trained,
                                                                            theirs):
    checkpoint = trained(AB)
    with pytest.raises(ValueError, match=r'of training .*, but those of the checkpoint are a, b'):
        toy_runner(1, hooks=HOOKS, load_from=checkpoint, train=Labelled(theirs)).train()


@pytest.mark.parametrize('theirs, warnings', [(ABC, 0), (AB, 0), (('c', 'd'), 1), (('a', 'c'), 1)])
def test_a_training_may_begin_from_other_classes_and_is_validated_on_its_own(
        toy_runner, trained, monkeypatch, theirs, warnings: int):
    checkpoint, warned = trained(AB), []
    monkeypatch.setattr(class_guard_hook, 'print_log', lambda text, **_: warned.append(text))
    runner = toy_runner(1, hooks=HOOKS, load_from=checkpoint, train=Labelled(theirs),
                        val=Labelled(theirs), test=Labelled(theirs))
    runner.train()
    runner.test()
    assert len(warned) == warnings


def test_a_checkpoint_knows_the_classes_inside_a_subset(toy_runner, trained):
    checkpoint = trained(AB, Subset(Labelled(AB), range(4)))
    assert torch.load(checkpoint, weights_only=True)['meta']['dataset_meta'] == dict(classes=AB)
    with pytest.raises(ValueError, match='of test are b, a, but those of the checkpoint are a, b'):
        toy_runner(hooks=HOOKS, load_from=checkpoint, test=Labelled(BA)).test()


@pytest.mark.parametrize('content', [{}, dict(meta=None), dict(meta=dict(dataset_meta=None)),
                                     dict(meta=dict(dataset_meta=dict(source='a list')))])
def test_a_checkpoint_that_names_no_classes_is_tested(toy_runner, tmp_path, content):
    weights = toy_runner().model.state_dict()
    torch.save(dict(content, state_dict=weights), tmp_path / 'a.pth')
    toy_runner(hooks=HOOKS, load_from=str(tmp_path / 'a.pth'), test=Labelled(AB)).test()


def test_nothing_is_compared_where_the_pipeline_makes_labels_of_its_own(toy_runner, trained):
    checkpoint = trained(AB)
    own = [dict(type='ClassGuardHook', own_labels=True)]
    runner = recognizer(toy_runner(1, hooks=own, load_from=checkpoint, train=Labelled(AB),
                                   val=Labelled(BA), test=Labelled(ABC)), 4)
    runner.train()
    runner.test()


def test_the_message_is_one_sentence(toy_runner):
    with pytest.raises(ValueError, match='another order') as refused:
        toy_runner(1, hooks=HOOKS, train=Labelled(AB), val=Labelled(BA)).train()
    assert not re.search(r'\.\s|\n', str(refused.value))
