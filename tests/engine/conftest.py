"""The smallest training that MMEngine's hooks can be watched in."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from lddm_aug.configs import environment


class Points(Dataset):
    """Six points, each a sample of its group."""

    def __init__(self, groups: str = 'abcdef', origins: str = 'rrrrrr') -> None:
        self.groups = frozenset(groups)
        self.origins = [{'r': 'real', 's': 'synthetic'}[origin] for origin in origins]

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {'x': torch.tensor([index, 1.])}

    def get_data_info(self, index: int) -> dict[str, Any]:
        return {'origin': self.origins[index]}


class ToyModel(BaseModel):
    """A line with dropout, so that its weights depend on every draw."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(2, 1)
        torch.nn.init.constant_(self.linear.weight, 0.5)
        torch.nn.init.zeros_(self.linear.bias)

    def forward(self, x: torch.Tensor, mode: str = 'loss') -> Any:
        y = torch.nn.functional.dropout(self.linear(x), training=self.training)
        return {'loss': y.square().mean()} if mode == 'loss' else list(y)


class Improving(BaseMetric):
    """Better with every validation."""

    score = 0

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: Any) -> dict[str, float]:
        self.score += 1
        return {'accuracy': self.score}


@pytest.fixture(scope='module', autouse=True)
def phantom() -> Iterator[None]:
    """Recipes of generators are of the phantom, where nothing else is said."""
    with environment({'DATASET': 'phantom'}):
        yield


@pytest.fixture
def toy_runner(tmp_path: Path) -> Callable[..., Runner]:
    """toy_runner(epochs, checkpoint={...}, hooks=[...], ...) → a runner that works in tmp_path."""
    count = 0

    def loader(dataset: Dataset) -> dict[str, Any]:
        return dict(dataset=dataset, batch_size=2, collate_fn=dict(type='default_collate'),
                    sampler=dict(type='DefaultSampler', shuffle=True, seed=0))

    def build(epochs: int = 2, *, checkpoint: dict[str, Any] | None = None,
              hooks: list[Any] | None = None, train: Dataset | None = None,
              val: Dataset | None = None, test: Dataset | None = None,
              work_dir: Path | None = None, resume: bool = False, **kwargs: Any) -> Runner:
        nonlocal count
        count += 1
        parts = dict(
            train_dataloader=loader(train or Points()),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1)),
            param_scheduler=dict(type='StepLR', step_size=1, gamma=0.9))
        for part, dataset in ('val', val), ('test', test):
            if dataset is not None:
                parts |= {f'{part}_dataloader': loader(dataset), f'{part}_cfg': {},
                          f'{part}_evaluator': Evaluator(Improving())}
        return Runner(
            ToyModel(), str(work_dir or tmp_path), custom_hooks=hooks, resume=resume,
            default_hooks=dict(checkpoint=dict(
                dict(type='SafeCheckpointHook', interval=1), **checkpoint or {})),
            default_scope='mmaction', experiment_name=f'{tmp_path.name}_{count}',
            randomness=dict(seed=1), **(parts | kwargs))

    return build
