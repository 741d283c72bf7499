import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.testing import assert_close

from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.cinn_autoencoder import CINNAutoencoder
from lddm_aug.models.latent_flow import LatentFlow

CONFIG = dict(num_frames=16, size=64, space_strides=(2, 2, 2, 2, 2), width=1, latent_channels=8)


@pytest.fixture(scope='module')
def autoencoder() -> CINNAutoencoder:
    torch.manual_seed(0)
    return CINNAutoencoder(**CONFIG, kl_weight=1.)            # its encoder is large


def clips(count: int) -> torch.Tensor:
    return torch.randint(256, (count, 1, 16, 64, 64), dtype=torch.uint8,
                         generator=torch.Generator().manual_seed(1))


def test_the_divergence_is_that_of_torch_distributions_summed_over_the_vector(autoencoder):
    mean, log_variance = autoencoder.encoder(to_unit(clips(2)))
    each = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0., 1.))
    expected = each.flatten(1).sum(dim=1).mean()
    assert_close(autoencoder(clips(2), mode='loss')['loss_kl'], expected)


def test_latents_come_out_standardised_in_whatever_batches():
    autoencoder = CINNAutoencoder(**CONFIG)
    autoencoder.measure_latents(clips(5).split(2))
    latents = autoencoder.encode(to_unit(clips(5)))
    assert_close(latents.mean(dim=0), torch.zeros(8, 1, 1, 1), atol=1e-4, rtol=0)
    assert_close(latents.std(dim=0, correction=0), torch.ones(8, 1, 1, 1), atol=1e-4, rtol=0)
    assert autoencoder.training


def test_a_constant_latent_channel_is_refused():
    autoencoder = CINNAutoencoder(**CONFIG)
    autoencoder.measure_latents([clips(1).expand(3, -1, -1, -1, -1)])
    with pytest.raises(ValueError, match=r'CINNAutoencoder: latent channels \[0.*\] '):
        autoencoder.encode(to_unit(clips(1)))


def test_a_reconstruction_begins_with_its_still_and_draws_nothing(autoencoder):
    still, latent = to_unit(clips(1))[:, :, 0], torch.randn(1, 8, 1, 1, 1)
    autoencoder.eval()                                # in training every call follows the norms
    with torch.no_grad():
        clip = autoencoder.decode(still, latent)
        assert torch.equal(clip, autoencoder.decode(still, latent, [3]))
        other = autoencoder.decode(still, -latent)
    assert clip.shape == (1, 1, 16, 64, 64) and clip.abs().max() <= 1
    assert torch.equal(clip[:, :, 0], still)
    assert (clip - other).abs().max() > 1e-4


def test_a_flow_over_its_vectors_begins_with_independent_gaussians():
    torch.manual_seed(0)
    flow = LatentFlow(dict(type='CINNAutoencoder', **CONFIG), still_widths=(8,) * 6, noise=0.,
                      flow=dict(blocks=2, hidden=8, depth=2, kernel=1, slope=1.))
    latent = 3 + 2 * torch.randn(4, 8, 1, 1, 1)
    std = latent.std(dim=0, correction=0)
    expected = (std.log() + 0.5 * math.log(2 * math.pi) + 0.5).mean()    # a Gaussian's entropy
    assert_close(flow(latent, clips(4)[:, :, 0], mode='loss')['loss_nll'], expected)


def test_a_network_of_the_whole_still_conditions_its_vectors():
    torch.manual_seed(0)
    flow = LatentFlow(dict(type='CINNAutoencoder', **CONFIG), noise=0.,
                      still_network=dict(type='StillResNet', channels=6),
                      flow=dict(blocks=1, hidden=8, depth=1, kernel=1, separate=True))
    latent, stills = torch.randn(4, 8, 1, 1, 1), clips(4)[:, :, 0]
    for _ in range(2):                                # a step frees the couplings from zero
        flow(latent, stills, mode='loss')['loss_nll'].backward()
        torch.optim.SGD([weight for weight in flow.parameters() if weight.requires_grad],
                        lr=0.1).step()
    assert flow.condition(to_unit(stills)).shape == (4, 6, 1, 1)
    assert flow.still_network.network.conv1.weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match='still_network'):
        flow.require_fit(torch.zeros(1, 8, 2, 4, 4), torch.zeros(1, 6, 1, 1))
