import math

import pytest
import torch
from torch.distributions import Laplace, Normal, kl_divergence
from torch.testing import assert_close

from lddm_aug.evaluation.reconstruction_metric import psnr_db
from lddm_aug.functional.pixels import to_unit
from lddm_aug.models.reconstruction_losses import AdversarialLoss, PerceptualLoss, some_frames
from lddm_aug.models.video_autoencoder import LARGEST_SCALE, SCALE_WEIGHT, VideoAutoencoder
from lddm_aug.networks.decoder import FIRST_SCALE
from lddm_aug.networks.grain import Grain


@pytest.fixture
def autoencoder() -> VideoAutoencoder:
    torch.manual_seed(0)
    return VideoAutoencoder(encoder=dict(width=8), decoder=dict(widths=(8, 8, 16)),
                            latent_channels=4, kl_weight=1.0)


def sliding_clips() -> torch.Tensor:
    """(4, 1, 16, 32, 32) uint8: smoothed noise that slides by half a pixel a frame."""
    noise = torch.rand(4, 1, 40, 64, generator=torch.Generator().manual_seed(0))
    wide = torch.nn.functional.avg_pool2d(noise, 5, 1, 2)
    wide = torch.nn.functional.interpolate(wide, scale_factor=(1, 2), mode='bilinear')
    frames = [wide[:, :, 4:36, t + 20:t + 84:2] for t in range(16)]
    clip = torch.stack(frames, dim=2)
    return ((clip - 0.3) / 0.4 * 255).clamp(0, 255).to(torch.uint8)


def test_the_divergence_is_that_of_torch_distributions(autoencoder):
    clip = sliding_clips()
    mean, log_variance = autoencoder.encoder(to_unit(clip))
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0., 1.)).mean()
    assert_close(autoencoder(clip, mode='loss')['loss_kl'], expected)


class ConstantEncoder(torch.nn.Module):
    """An encoder that returns the same distribution for every clip."""

    def __init__(self, mean: float, log_variance: float) -> None:
        super().__init__()
        self.distribution = mean, log_variance

    def forward(self, clip):
        return tuple(torch.full((len(clip), 4, 4, 8, 8), value) for value in self.distribution)


def test_training_decodes_a_sample_and_not_the_mean(autoencoder, monkeypatch):
    """z ~ N(μ, σ²) of Kingma and Welling."""
    decoded = []
    autoencoder.encoder = ConstantEncoder(0.7, math.log(0.25))
    monkeypatch.setattr(autoencoder, '_reconstruct',
                        lambda clip, latent: (decoded.append(latent) or clip, {}))
    autoencoder(torch.zeros(8, 1, 16, 64, 64, dtype=torch.uint8), mode='loss')
    assert decoded[0].mean() == pytest.approx(0.7, abs=0.03)
    assert decoded[0].std() == pytest.approx(0.5, abs=0.03)


def test_the_loss_of_the_expected_error_is_the_likelihood_of_a_laplace_distribution():
    torch.manual_seed(0)
    autoencoder = VideoAutoencoder(dict(width=8), dict(widths=(8, 8, 8)), latent_channels=4,
                                   grain=dict(num_frames=16, size=32))
    torch.nn.init.normal_(autoencoder.decoder.to_scale.weight, std=0.1)
    clip, latent = to_unit(sliding_clips()), torch.randn(4, 4, 4, 4, 4)
    with torch.no_grad():
        made, _, scale = autoencoder.decoder(clip[:, :, 0], latent)
        _, losses = autoencoder._reconstruct(clip, latent)
    assert scale.std() > 0
    nll = -Laplace(made, scale).log_prob(clip).mean()
    # log 2 is constant, and left out of the loss
    assert_close(losses['loss_scale'], SCALE_WEIGHT * (nll - math.log(2)))


def test_latents_come_out_standardised_once_they_were_measured(autoencoder):
    clip = sliding_clips()
    autoencoder.measure_latents(clip.split(3))
    std, mean = torch.std_mean(autoencoder.encode(to_unit(clip)), dim=(0, 2, 3, 4), correction=0)
    assert_close(mean, torch.zeros(4), atol=1e-4, rtol=0)
    assert_close(std, torch.ones(4), atol=1e-4, rtol=0)


def test_decoding_undoes_the_standardisation(autoencoder):
    autoencoder.latent_mean.fill_(0.7)
    autoencoder.latent_std.fill_(3.)
    clip = to_unit(sliding_clips())
    raw, _, _ = autoencoder.decoder(clip[:, :, 0], autoencoder.encoder(clip)[0])
    assert_close(autoencoder.decode(clip[:, :, 0], autoencoder.encode(clip)), raw)


def test_it_learns_motion_that_a_repeated_still_lacks(autoencoder):
    autoencoder.kl_weight = 1e-4
    clips = sliding_clips()
    optimizer = torch.optim.Adam(autoencoder.parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        sum(autoencoder(clips, mode='loss').values()).backward()
        optimizer.step()
    autoencoder.eval()
    truth = to_unit(clips)
    still = truth[:, :, :1].expand_as(truth)
    with torch.no_grad():
        guess = autoencoder(clips)
    assert psnr_db(guess, truth) > psnr_db(still, truth) + 3


def test_a_model_of_its_own_state_gives_the_same_latents(autoencoder):
    autoencoder.latent_std.fill_(3.)
    twin = VideoAutoencoder(encoder=dict(width=8), decoder=dict(widths=(8, 8, 16)),
                            latent_channels=4)
    twin.load_state_dict(autoencoder.state_dict())
    clip = to_unit(sliding_clips())
    assert_close(twin.encode(clip), autoencoder.encode(clip))


def test_losses_by_config_reach_their_own_side_alone():
    torch.manual_seed(0)
    autoencoder = VideoAutoencoder(
        dict(width=8), dict(widths=(8, 8, 8)), latent_channels=4,
        adversarial=dict(spatial=0.1, temporal=0.2, width=8)).train()
    clip = torch.randint(256, (2, 1, 16, 64, 64), dtype=torch.uint8)
    losses = autoencoder(clip, mode='loss')
    assert set(losses) == {'loss_l1', 'loss_kl', 'loss_spatial', 'loss_spatial_discriminator',
                           'loss_temporal', 'loss_temporal_discriminator'}
    discriminators = list(autoencoder.adversarial.parameters())
    theirs = losses['loss_spatial_discriminator'] + losses['loss_temporal_discriminator']
    ours = losses['loss_spatial'] + losses['loss_temporal']
    decoder = [weight for weight in autoencoder.decoder.parameters() if weight.requires_grad]
    assert not any(g is not None and g.any() for g in torch.autograd.grad(
        theirs, decoder, allow_unused=True, retain_graph=True))
    assert not any(g is not None and g.any() for g in torch.autograd.grad(
        ours, discriminators, allow_unused=True, retain_graph=True))
    assert any(g.any() for g in torch.autograd.grad(theirs, discriminators, retain_graph=True))
    assert any(g is not None and g.any() for g in torch.autograd.grad(
        ours, decoder, allow_unused=True))


def test_losses_by_config_weigh_as_much_as_the_config_says():
    def losses(spatial: float, temporal: float) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        loss = AdversarialLoss(1, spatial, temporal, width=8)
        clip = torch.rand(2, 2, 1, 16, 32, 32, generator=torch.Generator().manual_seed(1))
        torch.manual_seed(2)
        return loss(*clip)

    once, more = losses(0.1, 0.1), losses(0.2, 0.3)
    assert_close(more['loss_spatial'], 2 * once['loss_spatial'])
    assert_close(more['loss_temporal'], 3 * once['loss_temporal'])
    for name in ('spatial', 'temporal'):             # the discriminators learn alike
        assert_close(more[f'loss_{name}_discriminator'], once[f'loss_{name}_discriminator'])


def test_frames_are_compared_in_pairs_and_the_still_never():
    clip = torch.arange(8.).view(1, 1, 8, 1, 1).repeat(2, 1, 1, 1, 1)
    times = set()
    for _ in range(50):
        ours, theirs = some_frames((clip, 10 + clip), 3)
        assert ours.shape == (6, 1, 1, 1)
        assert_close(theirs, 10 + ours)
        times |= set(ours.flatten().tolist())
    assert times == set(range(1, 8))


def test_a_perceptual_loss_is_nothing_for_equal_clips_and_its_weights_stay_with_the_user(tmp_path):
    shapes = {'0': (4, 3), '2': (4, 4), '5': (8, 4)}
    torch.save({f'features.{i}.{kind}': torch.randn(*((*shape, 3, 3) if kind == 'weight'
                                                      else shape[:1]))
                for i, shape in shapes.items() for kind in ('weight', 'bias')}, tmp_path / 'v.pth')
    loss = PerceptualLoss(str(tmp_path / 'v.pth'), weight=2., frames=7)
    clip = torch.rand(2, 1, 8, 32, 32)
    assert loss(clip, clip)['loss_perceptual'] == 0
    turned = loss(clip, clip.flip(3))['loss_perceptual']
    loss.weight = 1.
    assert turned > 0
    assert_close(turned, 2 * loss(clip, clip.flip(3))['loss_perceptual'])
    assert not loss.state_dict()


def test_a_constant_latent_channel_is_refused():
    autoencoder = VideoAutoencoder(dict(width=8), dict(widths=(8, 8, 8)), latent_channels=4)
    autoencoder.latent_std[2] = 0
    with pytest.raises(ValueError, match=r'channels \[2\] .*kl_weight'):
        autoencoder.encode(torch.zeros(1, 1, 16, 64, 64))


@pytest.mark.parametrize('encoder, decoder, got', [
    (dict(space_strides=(2, 2, 2, 2, 1)), {}, r'\(4, 16\) from .*, and \(4, 8\) from'),
    (dict(time_strides=(2, 1, 2, 2, 1)), {}, r'\(8, 8\) from .*, and \(4, 8\) from'),
    ({}, dict(time_compression=2), r'\(4, 8\) from .*, and \(2, 8\) from'),
    ({}, dict(widths=(8, 8, 8, 8)), r'\(4, 8\) from .*, and \(4, 16\) from')])
def test_a_decoder_that_does_not_undo_the_encoder_s_strides_is_refused(encoder, decoder, got):
    with pytest.raises(ValueError, match=f'VideoAutoencoder: .*got {got}'):
        VideoAutoencoder(dict(dict(width=8), **encoder), dict(dict(widths=(8, 8, 8)), **decoder),
                         latent_channels=4)


def test_grain_is_added_with_a_seed_only_and_its_loss_does_not_train_the_clip():
    torch.manual_seed(0)
    autoencoder = VideoAutoencoder(dict(width=8), dict(widths=(8, 8, 8)), latent_channels=4,
                                   grain=dict(num_frames=16, size=32))
    clip = sliding_clips()[:1]
    losses = autoencoder.train()(clip, mode='loss')
    parameters = dict(autoencoder.named_parameters())
    gradients = torch.autograd.grad(losses['loss_scale'], parameters.values(), allow_unused=True)
    assert {name for name, gradient in zip(parameters, gradients, strict=True)
            if gradient is not None} == {'decoder.to_scale.weight', 'decoder.to_scale.bias'}
    autoencoder.eval()
    still, latent = to_unit(clip)[:, :, 0], autoencoder.encode(to_unit(clip))
    without = autoencoder.decode(still, latent)
    with_grain = autoencoder.decode(still, latent, [3])
    assert_close(autoencoder.decode(still, latent, [3]), with_grain, rtol=0, atol=0)
    assert torch.equal(with_grain[:, :, 0], still)
    assert (with_grain - without)[:, :, 1:].std() > 0.01


def test_with_no_blur_left_and_no_noise_a_clip_is_the_sharp_one():
    torch.manual_seed(0)
    autoencoder = VideoAutoencoder(dict(width=8), dict(widths=(8, 8, 8)), latent_channels=4,
                                   grain=dict(num_frames=16, size=32))
    torch.nn.init.normal_(autoencoder.decoder.to_output.weight, std=0.1)
    autoencoder.train()(sliding_clips(), mode='loss')
    autoencoder.eval()
    autoencoder.grain.softness.fill_(0)
    autoencoder.grain.gain.fill_(0)
    still = to_unit(sliding_clips()[:1])[:, :, 0]
    latent = autoencoder.encode(to_unit(sliding_clips()[:1]))
    clip, sharp, _ = autoencoder.decoder(still, autoencoder._unstandardise(latent))
    assert (clip - sharp).abs().max() > 0.01
    assert_close(autoencoder.decode(still, latent, [3]), sharp)
    assert_close(autoencoder.decode(still, latent), clip)


def test_what_the_decoder_s_clips_lack_in_training_is_measured_with_their_blur(monkeypatch):
    measured = []
    monkeypatch.setattr(Grain, 'update_statistics', lambda _, *clips: measured.extend(clips))
    torch.manual_seed(0)
    autoencoder = VideoAutoencoder(dict(width=8), dict(widths=(8, 8, 8)), latent_channels=4,
                                   grain=dict(num_frames=16, size=32))
    torch.nn.init.normal_(autoencoder.decoder.to_output.weight, std=0.1)
    autoencoder.train()(sliding_clips(), mode='loss')
    real, clip, sharp, _ = measured
    assert_close(real, to_unit(sliding_clips()))
    assert (clip - sharp).abs().max() > 0.01


def test_a_large_expected_error_does_not_cover_the_clip_with_grain():
    """Above the bound, the amount of grain is constant."""
    torch.manual_seed(0)
    autoencoder = VideoAutoencoder(dict(width=8), dict(widths=(8, 8, 8)), latent_channels=4,
                                   grain=dict(num_frames=16, size=32))
    autoencoder.train()(sliding_clips(), mode='loss')             # so that something is lacking
    autoencoder.grain.softness.fill_(1)                           # so that noise is all it adds
    autoencoder.eval()
    still = to_unit(sliding_clips()[:1])[:, :, 0]
    latent = autoencoder.encode(to_unit(sliding_clips()[:1]))

    def grain(logarithm: float) -> torch.Tensor:
        torch.nn.init.constant_(autoencoder.decoder.to_scale.bias, logarithm)
        return autoencoder.decode(still, latent, [3]) - autoencoder.decode(still, latent)

    usual, doubled = grain(0.), grain(math.log(2))
    assert_close(doubled, 2 * usual)
    assert_close(grain(5.), LARGEST_SCALE / FIRST_SCALE * usual)
