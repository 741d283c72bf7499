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


def test_the_divergence_is_that_of_torch_distributions(autoencoder):
    mean, log_variance = autoencoder.encoder(to_unit(clips(2)))
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0., 1.)).mean()
    assert_close(autoencoder(clips(2), mode='loss')['loss_kl'], expected)


def test_latents_come_out_standardised_though_a_batch_holds_two(autoencoder):
    draws = torch.Generator().manual_seed(2)
    latents = 0.3 + 2 * torch.randn(400, 2, 8, 1, 1, 1, generator=draws)
    before = autoencoder.latent_mean.clone(), autoencoder.latent_std.clone()
    for batch in latents:
        autoencoder._follow_statistics(batch)
    assert_close(autoencoder.latent_mean.mean(), torch.tensor(0.3), atol=0.2, rtol=0)
    assert_close(autoencoder.latent_std.mean(), torch.tensor(2.), atol=0.2, rtol=0)
    autoencoder.latent_mean, autoencoder.latent_std = before


def test_a_latent_that_never_changes_is_not_standardised():
    autoencoder = CINNAutoencoder(**CONFIG)
    for _ in range(1200):
        autoencoder._follow_statistics(torch.full((2, 8, 1, 1, 1), 0.5))
    with pytest.raises(ValueError, match='CINNAutoencoder: latent channels .* are the same for'):
        autoencoder.encode(to_unit(clips(1)))


def test_a_reconstruction_begins_with_its_still_and_draws_nothing(autoencoder):
    still, latent = to_unit(clips(1))[:, :, 0], torch.randn(1, 8, 1, 1, 1)
    with torch.no_grad():
        clip = autoencoder.decode(still, latent)
        assert torch.equal(clip, autoencoder.decode(still, latent, [3]))
        other = autoencoder.decode(still, -latent)
    assert clip.shape == (1, 1, 16, 64, 64) and clip.abs().max() <= 1
    assert torch.equal(clip[:, :, 0], still)
    assert (clip - other).abs().max() > 1e-4


def test_a_flow_learns_on_its_vectors():
    torch.manual_seed(0)
    flow = LatentFlow(dict(type='CINNAutoencoder', **CONFIG), still_widths=(8,) * 6,
                      flow=dict(blocks=2, hidden=8, depth=2, kernel=1))
    loss = flow(torch.randn(4, 8, 1, 1, 1), clips(4)[:, :, 0], mode='loss')['loss_nll']
    assert 1 < loss < 2
