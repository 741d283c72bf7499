from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

from lddm_aug.engine.hooks import RunningStatisticsHook, running_statistics_hook


def test_statistics_of_norms_that_train_are_averaged_and_no_others(monkeypatch):
    """Another rank has zero everywhere."""
    monkeypatch.setattr(running_statistics_hook, 'get_world_size', lambda: 2)
    monkeypatch.setattr(running_statistics_hook, 'all_reduce_params',
                        lambda buffers, op: [buffer.div_(2) for buffer in buffers])
    model = nn.ModuleDict(dict(
        trained=nn.BatchNorm2d(1), frozen=nn.BatchNorm3d(1).eval(),
        plain=nn.BatchNorm1d(1, track_running_stats=False), group=nn.GroupNorm(1, 1)))
    model.register_buffer('other', torch.ones(1))
    RunningStatisticsHook().after_train_iter(SimpleNamespace(model=model), 0)
    assert model['trained'].running_var == 0.5
    assert model['frozen'].running_var == 1 and model.other == 1
