import pytest
import torch

from lddm_aug.models.latent_diffusion import LatentDiffusion

AUTOENCODER = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=(8, 8, 8)))


@pytest.fixture
def diffusion() -> LatentDiffusion:
    torch.manual_seed(0)
    return LatentDiffusion(AUTOENCODER, dict(still_widths=(8, 8, 8), width=24, depth=1, heads=2))


def test_the_loss_is_zero_for_a_denoiser_that_knows_the_latent(diffusion):
    latent = torch.randn(4, 4, 4, 8, 8)

    def oracle(noisy, steps, condition, label):
        """v from the true latent: ε = (z_t − √ᾱ z) / √(1 − ᾱ), v = √ᾱ ε − √(1 − ᾱ) z."""
        abar = diffusion.noise_process.alphas_cumprod[steps].double().view(-1, 1, 1, 1, 1)
        noise = (noisy - abar.sqrt() * latent) / (1 - abar).sqrt()
        return (abar.sqrt() * noise - (1 - abar).sqrt() * latent).float()

    oracle.condition, oracle.no_still = diffusion.denoiser.condition, diffusion.denoiser.no_still
    del diffusion._modules['denoiser']
    diffusion.denoiser = oracle
    stills = torch.randint(256, (4, 1, 64, 64), dtype=torch.uint8)
    assert diffusion(latent, stills, mode='loss')['loss_v'] < 1e-6


def test_training_leaves_the_autoencoder_as_it_was(diffusion):
    diffusion.train()
    assert not diffusion.autoencoder.training
    stills = torch.randint(256, (2, 1, 64, 64), dtype=torch.uint8)
    loss = diffusion(torch.randn(2, 4, 4, 8, 8), stills, mode='loss')['loss_v']
    loss.backward()
    assert all(parameter.grad is None for parameter in diffusion.autoencoder.parameters())
    assert diffusion.denoiser.to_output.weight.grad.abs().sum() > 0


@pytest.mark.parametrize('drop_still', [0.0, 1.0])
def test_a_still_makes_a_difference_and_a_withheld_one_does_not(diffusion, drop_still):
    for parameter in diffusion.denoiser.parameters():
        if not parameter.any():                      # the last layer, as it is drawn, says nothing
            torch.nn.init.normal_(parameter, std=0.2)
    diffusion.drop_still = drop_still
    latent = torch.randn(2, 4, 4, 8, 8)
    losses = []
    for level in (0, 255):
        torch.manual_seed(1)
        stills = torch.full((2, 1, 64, 64), level, dtype=torch.uint8)
        losses.append(diffusion(latent, stills, mode='loss')['loss_v'].item())
    assert (losses[0] == pytest.approx(losses[1], rel=1e-6)) is bool(drop_still)


def test_a_told_class_makes_a_difference_and_a_withheld_one_does_not():
    torch.manual_seed(0)
    diffusion = LatentDiffusion(AUTOENCODER, dict(still_widths=(8, 8, 8), width=24, depth=1,
                                                  heads=2), classes=('benign', 'malignant'))
    for parameter in diffusion.denoiser.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    latent, still = torch.randn(2, 4, 4, 8, 8), torch.zeros(2, 1, 64, 64, dtype=torch.uint8)

    def losses(drop_class: float) -> list[torch.Tensor]:
        diffusion.drop_class, found = drop_class, []
        for label in (0, 1):
            torch.manual_seed(1)
            found.append(diffusion(latent, still, torch.full((2,), label), mode='loss')['loss_v'])
        return found

    told, withheld = losses(0.), losses(1.)
    assert told[0] != told[1]
    assert withheld[0] == withheld[1]


@pytest.mark.parametrize('label', [2, 3, 4])
def test_a_label_that_is_none_of_the_classes_is_refused(label):
    diffusion = LatentDiffusion(AUTOENCODER, dict(still_widths=(8, 8, 8), width=24, depth=1,
                                                  heads=2), classes=('benign', 'malignant'))
    latent, still = torch.randn(2, 4, 4, 8, 8), torch.zeros(2, 1, 64, 64, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r'LatentDiffusion: a label .* classes \(benign, malignant'
                                         rf'\), or -1 where none is told, but got {label}; name'):
        diffusion(latent, still, torch.tensor([0, label]), mode='loss')
    assert diffusion(latent, still, torch.tensor([-1, 1]), mode='loss')['loss_v'].isfinite()


@pytest.mark.parametrize('name', ['drop_still', 'drop_class'])
def test_a_share_above_one_is_refused(name):
    with pytest.raises(ValueError, match=rf'LatentDiffusion: {name} is a share in .0, 1., but'):
        LatentDiffusion(AUTOENCODER, dict(still_widths=(8, 8, 8), width=24, depth=1, heads=2),
                        **{name: 2})


def test_it_is_not_asked_for_clips(diffusion):
    with pytest.raises(ValueError, match='clips are made by LDDMGenerator'):
        diffusion(torch.zeros(1, 4, 4, 8, 8), torch.zeros(1, 1, 64, 64), mode='predict')
