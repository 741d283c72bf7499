from __future__ import annotations

import pytest
import torch
from diffusers import DDPMScheduler
from torch.testing import assert_close

from lddm_aug.models.noise_process import NoiseProcess
from lddm_aug.models.samplers import DEFAULT_SAMPLER

LATENT, NOISE = torch.randn(2, 5, 4, 4, 8, 8, generator=torch.Generator().manual_seed(0))
STEPS = torch.tensor([0, 1, 500, 998, 999])


@pytest.mark.parametrize('zero_terminal_snr', [True, False])
def test_noisy_input_and_target_are_those_of_diffusers(zero_terminal_snr):
    theirs = DDPMScheduler(beta_schedule='squaredcos_cap_v2',
                           rescale_betas_zero_snr=zero_terminal_snr)
    noisy, target = NoiseProcess('v', zero_terminal_snr).noised(LATENT, NOISE, STEPS)
    assert_close(noisy, theirs.add_noise(LATENT, NOISE, STEPS))
    assert_close(target, theirs.get_velocity(LATENT, NOISE, STEPS))


def test_the_input_of_the_last_step_is_pure_noise_and_its_target_the_latent():
    process = NoiseProcess('v')
    assert process.alphas_cumprod[-1] == 0
    noisy, target = process.noised(LATENT, NOISE, STEPS)
    assert_close(noisy[-1], NOISE[-1])
    assert_close(target[-1], -LATENT[-1])


def test_a_flow_is_straight():
    """The target is the derivative of the noisy input by s, at every s."""
    process = NoiseProcess('flow')
    s = torch.tensor([10., 200., 500., 800., 1000.])
    noisy, target = process.noised(LATENT, NOISE, s)
    before, _ = process.noised(LATENT, NOISE, s - 10)
    assert_close((noisy - before) / 0.01, target, atol=1e-3, rtol=1e-3)
    assert_close(noisy[-1], NOISE[-1])


@pytest.mark.parametrize('target', ['v', 'epsilon', 'flow'])
def test_every_level_of_noise_is_trained_on(target):
    """Uniformly: 10 equal parts have a tenth each."""
    torch.manual_seed(0)
    process = NoiseProcess(target, zero_terminal_snr=False)
    steps = process.draw_steps(100_000, torch.device('cpu'))
    assert steps.min() >= 0 and steps.max() <= (1000 if target == 'flow' else 999)
    assert_close(torch.histc(steps.float(), 10, 0, 1000) / len(steps), torch.full((10,), 0.1),
                 rtol=0, atol=0.005)
    assert steps.is_floating_point() is (target == 'flow')


@pytest.mark.parametrize('target', ['v', 'epsilon'])
def test_min_snr_weighs_the_error_of_the_latent_by_snr_up_to_gamma(target):
    """Hang et al. 2023: for every target, the latent's error has weight min(SNR, γ)."""
    process = NoiseProcess(target, zero_terminal_snr=False, min_snr_gamma=5.)
    steps = torch.arange(0, 1000, 37)
    abar = process.alphas_cumprod[steps].double()
    snr = abar / (1 - abar)
    # an error e of v is one of √(1 − ᾱ) e of the latent, an error e of ε one of √((1 − ᾱ) / ᾱ) e
    latent_per_target = 1 - abar if target == 'v' else (1 - abar) / abar
    assert_close(process.weights(steps).double(), snr.clamp(max=5.) * latent_per_target,
                 rtol=1e-4, atol=1e-6)


class ExactDenoiser:
    """The exact prediction where every latent value is drawn from N(mean, std²)."""

    def __init__(self, process: NoiseProcess, mean: float, std: float) -> None:
        self.process, self.mean, self.std = process, mean, std

    def __call__(self, noisy: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        if self.process.target == 'flow':
            s = step.double() / 1000
            signal, spread = 1 - s, s
        else:
            abar = self.process.alphas_cumprod[step.long()].double()
            signal, spread = abar.sqrt(), (1 - abar).sqrt()
        residual = (noisy - signal * self.mean) / (signal ** 2 * self.std ** 2 + spread ** 2)
        noise = spread * residual
        latent = self.mean + signal * self.std ** 2 * residual
        targets = {'flow': noise - latent, 'epsilon': noise, 'v': signal * noise - spread * latent}
        return targets[self.process.target].float()


@pytest.mark.parametrize('target, sampler, steps', [
    ('v', 'DDPM', 200), ('v', 'DDIM', 50), ('v', 'DPMSolverMultistep', 10),
    ('epsilon', 'DDIM', 50), ('epsilon', 'DPMSolverMultistep', 20), ('flow', 'FlowMatchEuler', 50),
    ('flow', 'DPMSolverMultistep', 30)])
def test_a_sampler_reaches_a_known_distribution(target, sampler, steps):
    """A mean of 2.5 reveals clipping, and a first step that isn't the last of the training."""
    process = NoiseProcess(target, zero_terminal_snr=target == 'v')
    denoiser, solver = ExactDenoiser(process, 2.5, 0.5), process.sampler(sampler, steps)
    generator = torch.Generator().manual_seed(0)
    latent = torch.randn(20000, 1, generator=generator)
    for step in solver.timesteps:
        latent = solver.step(denoiser(latent, step), step, latent, generator=generator).prev_sample
    assert latent.mean() == pytest.approx(2.5, abs=0.03)
    assert latent.std() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize('std', [0.2, 0.5, 1., 2., 4.])
def test_ten_steps_keep_the_spread_of_latents_that_vary_much_or_little(std):
    process = NoiseProcess('flow', zero_terminal_snr=False)
    denoiser, solver = ExactDenoiser(process, 0., std), process.sampler(DEFAULT_SAMPLER, 10)
    start = torch.randn(20000, 1, generator=torch.Generator().manual_seed(0))
    latent = start
    for step in solver.timesteps:
        latent = solver.step(denoiser(latent, step), step, latent).prev_sample
    # the exact flow of a normal distribution stretches its noise
    assert_close(latent, std * start, rtol=0.06, atol=0)


@pytest.mark.parametrize('steps', [1, 2, 10, 1000])
def test_a_flow_starts_at_pure_noise_and_ends_at_the_latent(steps):
    solver = NoiseProcess('flow', zero_terminal_snr=False).sampler(DEFAULT_SAMPLER, steps)
    assert len(solver.timesteps) == steps and solver.timesteps[0] == 1000
    assert solver.sigmas[-1] == 0 and (solver.sigmas.diff() < 0).all()
    assert_close(solver.timesteps, 1000 * solver.sigmas[:-1])


@pytest.mark.parametrize('arguments, message', [
    (dict(target='x0'), "target .* v, epsilon, flow, .*'x0'"),
    (dict(target='epsilon'), "'epsilon' needs zero_terminal_snr=False; .*'v'"),
    (dict(target='flow', min_snr_gamma=5.), "min_snr_gamma .*'flow', .*5.0"),
    (dict(min_snr_gamma=-1.), 'min_snr_gamma .*-1.0')])
def test_arguments_that_contradict_each_other_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f'NoiseProcess: .*{message}'):
        NoiseProcess(**arguments)


@pytest.mark.parametrize('target, sampler', [('v', 'FlowMatchEuler'), ('flow', 'DDIM')])
def test_a_sampler_of_another_target_is_refused(target, sampler):
    with pytest.raises(ValueError, match=f'{target!r} .*{sampler!r}'):
        NoiseProcess(target).sampler(sampler, 10)
