from __future__ import annotations

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal
from torch.testing import assert_close

from lddm_aug.networks.coupling_flow import CouplingFlow

# a vector and a small grid: kernel and (Cz, t, h, w)
SHAPES = [(1, (4, 1, 1, 1)), (3, (4, 2, 2, 3))]


def random_flow(kernel: int, blocks: int = 3, std: float = 0.3,
                separate: bool = False) -> CouplingFlow:
    """Every weight random, in float64, so that nothing is the identity."""
    torch.manual_seed(0)
    flow = CouplingFlow(4, condition_channels=3, blocks=blocks, hidden=8, kernel=kernel,
                        separate=separate).double()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return flow


def draw(shape: tuple[int, ...], count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(1)
    return (torch.randn(count, *shape, generator=draws, dtype=torch.float64),
            torch.randn(count, 3, *shape[2:], generator=draws, dtype=torch.float64))


def to_noise(flow: CouplingFlow, latent: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
    return flow._to_noise(condition, latent.shape[2])(latent.movedim(1, -1)).movedim(-1, 1)


@pytest.mark.parametrize('separate', [False, True])
@pytest.mark.parametrize('kernel, shape', SHAPES)
def test_the_log_determinant_is_that_of_autograds_jacobian(kernel, shape, separate):
    flow = random_flow(kernel, separate=separate)
    latent, condition = draw(shape, count=1)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: to_noise(flow, x, condition), latent).view(latent.numel(), -1)
    noise = to_noise(flow, latent, condition)
    expected = Normal(0., 1.).log_prob(noise).sum() + torch.linalg.slogdet(jacobian).logabsdet
    assert torch.linalg.slogdet(jacobian).logabsdet.abs() > 0.1
    assert_close(flow.log_density(latent, condition), expected[None])


@pytest.mark.parametrize('kernel, shape', SHAPES)
def test_noise_and_latents_are_each_others_inverse(kernel, shape):
    flow = random_flow(kernel)
    noise, condition = draw(shape)
    latent = flow.from_noise(noise, condition)
    assert (latent - noise).abs().max() > 0.1
    assert_close(to_noise(flow, latent, condition), noise)


def test_the_inverse_holds_in_float32_through_twenty_blocks():
    flow = random_flow(3, blocks=20, std=0.2).float()
    latent, condition = (value.float() for value in draw((4, 2, 2, 3), count=16))
    flow.initialise(latent, condition)
    noise = to_noise(flow, latent, condition)
    assert (noise - latent).abs().max() > 1
    assert_close(flow.from_noise(noise, condition), latent, atol=1e-4, rtol=0)


def test_a_flow_that_only_shifts_and_scales_has_a_gaussians_density():
    flow = CouplingFlow(4, condition_channels=3, blocks=1, hidden=8, slope=1.0)
    torch.manual_seed(0)
    mean, std = torch.tensor([1., -2., 0.5, 3.]), torch.tensor([0.5, 2., 1., 0.1])
    latent = mean.view(4, 1, 1, 1) + std.view(4, 1, 1, 1) * torch.randn(2, 4, 2, 3, 3)
    block = flow.blocks[0]
    block.shift.data, block.log_scale.data = -mean / std, -std.log()
    expected = Normal(mean, std).log_prob(latent.movedim(1, -1)).sum(dim=(1, 2, 3, 4))
    assert_close(flow.log_density(latent, torch.zeros(2, 3, 3, 3)), expected)


def test_every_actnorm_begins_with_a_standardised_batch():
    flow = random_flow(3).float()
    latent, condition = (value.float() for value in draw((4, 2, 2, 3), count=16))
    flow.initialise(5 + 3 * latent, condition)
    x = (5 + 3 * latent).movedim(1, -1)
    held = condition.unsqueeze(2).expand(-1, -1, 2, -1, -1)
    for block in flow.blocks:
        std, mean = torch.std_mean(x * block.log_scale.exp() + block.shift, dim=(0, 1, 2, 3),
                                   correction=0)
        assert_close(mean, torch.zeros(4), atol=1e-5, rtol=0)
        assert_close(std, torch.ones(4), atol=1e-5, rtol=0)
        x = block(held)(x)


def test_it_learns_a_density_whose_entropy_is_known():
    """Correlated values around a mean that depends on the condition."""
    torch.manual_seed(0)
    flow = CouplingFlow(2, condition_channels=1, blocks=3, hidden=32, kernel=1)
    spread = MultivariateNormal(torch.zeros(2), torch.tensor([[1., 0.9], [0.9, 1.]]))
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 120)

    def batch(count):
        condition = torch.randn(count, 1, 1, 1)
        latent = spread.sample((count,)) + 2 * condition.view(count, 1)
        return latent.view(count, 2, 1, 1, 1), condition

    flow.initialise(*batch(256))
    for _ in range(120):
        optimizer.zero_grad()
        (-flow.log_density(*batch(256)).mean()).backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        latent, condition = batch(4096)
        truth = spread.log_prob(latent.view(-1, 2) - 2 * condition.view(-1, 1)).mean()
        assert flow.log_density(latent, condition).mean() == pytest.approx(truth.item(), abs=0.05)
        made = flow.from_noise(torch.randn(4096, 2, 1, 1, 1), torch.full((4096, 1, 1, 1), 1.))
    assert_close(made.mean(dim=0).flatten(), torch.tensor([2., 2.]), atol=0.15, rtol=0)
    assert_close(torch.cov(made.view(-1, 2).T), spread.covariance_matrix, atol=0.15, rtol=0)


@pytest.mark.parametrize('wrong', [dict(channels=3), dict(channels=4, kernel=5)])
def test_an_odd_number_of_channels_and_an_unknown_kernel_are_refused(wrong):
    with pytest.raises(ValueError, match=r'CouplingFlow: .*got (3 channels|.*kernel 5)'):
        CouplingFlow(condition_channels=3, **wrong)
