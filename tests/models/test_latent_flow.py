import math

import pytest
import torch
from torch.testing import assert_close

from lddm_aug.models.latent_flow import LatentFlow

AUTOENCODER = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=(8, 8, 8)))
STILLS = torch.randint(256, (8, 1, 64, 64), dtype=torch.uint8,
                       generator=torch.Generator().manual_seed(2))


@pytest.fixture
def flow() -> LatentFlow:
    torch.manual_seed(0)
    return LatentFlow(AUTOENCODER, dict(blocks=2, hidden=8, slope=1.0), (8, 8, 8), noise=0.)


def test_the_loss_at_the_start_is_that_of_independent_gaussians(flow):
    latent = 3 + 2 * torch.randn(8, 4, 4, 8, 8)
    std = latent.std(dim=(0, 2, 3, 4), correction=0)
    expected = (std.log() + 0.5 * math.log(2 * math.pi) + 0.5).mean()    # a Gaussian's entropy
    assert_close(flow(latent, STILLS, mode='loss')['loss_nll'], expected)


def test_noise_widens_the_density(flow):
    """Where σ² adds to the latents' variance: Gaussians' entropy again."""
    flow.noise = 2.
    latent = 3 + 1.5 * torch.randn(64, 4, 4, 8, 8)
    expected = math.log(2.5) + 0.5 * math.log(2 * math.pi) + 0.5     # 1.5² + 2² = 2.5²
    loss = flow(latent, STILLS.repeat(8, 1, 1, 1), mode='loss')['loss_nll']
    assert loss.item() == pytest.approx(expected, abs=0.02)


def test_the_first_batch_alone_sets_the_actnorms(flow):
    flow(torch.randn(8, 4, 4, 8, 8), STILLS, mode='loss')
    before = flow.flow.blocks[0].shift.clone()
    flow(5 + torch.randn(8, 4, 4, 8, 8), STILLS, mode='loss')
    assert torch.equal(flow.flow.blocks[0].shift, before)
    twin = LatentFlow(AUTOENCODER, dict(blocks=2, hidden=8, slope=1.0), (8, 8, 8), noise=0.)
    twin.load_state_dict(flow.state_dict())
    twin(5 + torch.randn(8, 4, 4, 8, 8), STILLS, mode='loss')
    assert torch.equal(twin.flow.blocks[0].shift, before)


def test_training_leaves_the_autoencoder_as_it_was_and_reaches_the_still(flow):
    flow.train()
    assert not flow.autoencoder.training
    for _ in range(2):                                # a step frees the couplings from zero
        loss = flow(torch.randn(8, 4, 4, 8, 8), STILLS, mode='loss')['loss_nll']
        loss.backward()
        torch.optim.SGD([weight for weight in flow.parameters() if weight.requires_grad],
                        lr=0.1).step()
    assert all(parameter.grad is None for parameter in flow.autoencoder.parameters())
    assert flow.still_pyramid.levels[0][0].weight.grad.abs().sum() > 0


def test_a_still_whose_features_do_not_fit_the_latent_is_refused(flow):
    with pytest.raises(ValueError, match=r'3 still_widths .*\(8, 8\), .* \(4, 4\); .*8 pixels'):
        flow(torch.randn(8, 4, 4, 4, 4), STILLS, mode='loss')


def test_it_is_not_asked_for_clips(flow):
    with pytest.raises(ValueError, match=r"CINNGenerator, .*mode='predict'"):
        flow(torch.zeros(1, 4, 4, 8, 8), STILLS[:1], mode='predict')


def test_negative_noise_is_refused():
    with pytest.raises(ValueError, match=r'LatentFlow: noise .*got -1\.0'):
        LatentFlow(AUTOENCODER, {}, noise=-1.)
