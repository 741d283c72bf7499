from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from lddm_aug.models.samplers import build_sampler, register_sampler, sampler_names


class OneStep:
    """Lands on z_0 in one step: of a flow, z_0 = z_1 − (ε − z_0)."""

    timesteps = torch.tensor([1000.])

    def step(self, prediction, step, latent, generator=None):
        return SimpleNamespace(prev_sample=latent - prediction)


@pytest.fixture
def one_step(monkeypatch):
    samplers = {'flow': {}}
    monkeypatch.setattr('lddm_aug.models.samplers._SAMPLERS', samplers)
    register_sampler('OneStep', 'flow')(lambda schedule, steps: OneStep())
    return samplers


def test_a_registered_sampler_is_found_by_its_name_for_its_targets_alone(one_step):
    assert sampler_names('flow') == ['OneStep'] and sampler_names('v') == []
    solver = build_sampler('OneStep', 'flow', dict(num_train_timesteps=1000), 1)
    noise, latent = torch.tensor([[3.], [0.5]])
    made = solver.step(noise - latent, solver.timesteps[0], noise).prev_sample
    torch.testing.assert_close(made, latent)


def test_a_second_sampler_of_the_same_name_is_refused(one_step):
    with pytest.raises(ValueError, match=r"register_sampler: 'OneStep' .*\('v', 'flow'\)"):
        register_sampler('OneStep', 'v', 'flow')
    assert list(one_step) == ['flow']


def test_an_unknown_sampler_is_refused_with_the_list_of_those_that_fit():
    with pytest.raises(ValueError, match=r"'v' .*DPMSolverMultistep or DDIM or DDPM, "
                                         r".*'FlowMatchEuler'"):
        build_sampler('FlowMatchEuler', 'v', dict(num_train_timesteps=1000), 10)
