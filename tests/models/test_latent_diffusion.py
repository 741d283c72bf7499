import pytest
import torch

from lddm_aug.models.latent_diffusion import LatentDiffusion

AUTOENCODER = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=(8, 8, 8)))
DENOISER = dict(still_widths=(8, 8, 8), width=24, depth=1, heads=2)


@pytest.fixture
def diffusion() -> LatentDiffusion:
    torch.manual_seed(0)
    return LatentDiffusion(AUTOENCODER, DENOISER)


class Errs(torch.nn.Module):
    """A denoiser that knows the latent, with a constant error; records its steps."""

    def __init__(self, diffusion: LatentDiffusion, latent: torch.Tensor, error: float) -> None:
        super().__init__()
        self.condition = diffusion.denoiser.condition
        self.no_still = diffusion.denoiser.no_still
        self.process, self.latent, self.error = diffusion.noise_process, latent, error

    def forward(self, noisy, steps, condition, label):
        self.steps, ones = steps, (-1, 1, 1, 1, 1)
        if self.process.target == 'flow':
            s = steps.double().view(ones) / 1000
            signal, spread = 1 - s, s
        else:
            abar = self.process.alphas_cumprod[steps].double().view(ones)
            signal, spread = abar.sqrt(), (1 - abar).sqrt()
        noise = (noisy - signal * self.latent) / spread
        target = {'v': signal * noise - spread * self.latent, 'epsilon': noise,
                  'flow': noise - self.latent}[self.process.target]
        return (target + self.error).float()


@pytest.mark.parametrize('noise', [
    dict(target='v'), dict(target='v', min_snr_gamma=5.),
    dict(target='epsilon', zero_terminal_snr=False),
    dict(target='epsilon', zero_terminal_snr=False, min_snr_gamma=5.), dict(target='flow')])
@pytest.mark.parametrize('error', [0., 0.5])
def test_the_loss_is_the_weighted_squared_error(noise, error):
    torch.manual_seed(0)
    diffusion = LatentDiffusion(AUTOENCODER, DENOISER, noise)
    latent = torch.randn(64, 4, 4, 8, 8)
    denoiser = diffusion.denoiser = Errs(diffusion, latent, error)
    stills = torch.randint(256, (64, 1, 64, 64), dtype=torch.uint8)
    loss = diffusion(latent, stills, mode='loss')[f'loss_{noise["target"]}']
    weights = diffusion.noise_process.weights(denoiser.steps)
    torch.testing.assert_close(loss, (weights * error ** 2).mean(), rtol=1e-3, atol=1e-6)
    assert denoiser.steps.unique().numel() > 32               # each sample has its own


def test_stills_are_dropped_in_their_share_of_the_samples():
    torch.manual_seed(0)
    diffusion = LatentDiffusion(AUTOENCODER, DENOISER, drop_still=0.25)
    conditions = []
    diffusion.denoiser.register_forward_pre_hook(lambda _, inputs: conditions.append(inputs[2]))
    with torch.no_grad():
        torch.nn.init.constant_(diffusion.denoiser.no_still, 7.)
        diffusion(torch.randn(400, 4, 4, 4, 4), torch.randint(256, (400, 1, 32, 32)).byte(),
                  mode='loss')
    dropped = (conditions[0] == 7).flatten(1).all(dim=1).float().mean()
    assert dropped == pytest.approx(0.25, abs=0.07)          # three standard deviations


def test_training_leaves_the_autoencoder_as_it_was(diffusion):
    diffusion.train()
    assert not diffusion.autoencoder.training
    stills = torch.randint(256, (2, 1, 64, 64), dtype=torch.uint8)
    loss = diffusion(torch.randn(2, 4, 4, 8, 8), stills, mode='loss')['loss_v']
    loss.backward()
    assert all(parameter.grad is None for parameter in diffusion.autoencoder.parameters())
    assert diffusion.denoiser.to_output.weight.grad.abs().sum() > 0


@pytest.mark.parametrize('drop_still', [0.0, 1.0])
def test_a_still_has_an_effect_and_a_dropped_one_has_none(diffusion, drop_still):
    for parameter in diffusion.denoiser.parameters():
        if not parameter.any():                      # the last layer is zero at first
            torch.nn.init.normal_(parameter, std=0.2)
    diffusion.drop_still = drop_still
    latent = torch.randn(2, 4, 4, 8, 8)
    losses = []
    for level in (0, 255):
        torch.manual_seed(1)
        stills = torch.full((2, 1, 64, 64), level, dtype=torch.uint8)
        losses.append(diffusion(latent, stills, mode='loss')['loss_v'].item())
    assert (losses[0] == pytest.approx(losses[1], rel=1e-6)) is bool(drop_still)


def test_a_class_has_an_effect_and_a_dropped_one_has_none():
    torch.manual_seed(0)
    diffusion = LatentDiffusion(AUTOENCODER, DENOISER, classes=('benign', 'malignant'))
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

    conditional, unconditional = losses(0.), losses(1.)
    assert conditional[0] != conditional[1]
    assert unconditional[0] == unconditional[1]


@pytest.mark.parametrize('label', [2, 3, 4])
def test_a_label_that_is_none_of_the_classes_is_refused(label):
    diffusion = LatentDiffusion(AUTOENCODER, DENOISER, classes=('benign', 'malignant'))
    latent, still = torch.randn(2, 4, 4, 8, 8), torch.zeros(2, 1, 64, 64, dtype=torch.uint8)
    with pytest.raises(ValueError, match=rf'LatentDiffusion: .*\(benign, malignant\), .*{label}; '):
        diffusion(latent, still, torch.tensor([0, label]), mode='loss')
    assert diffusion(latent, still, torch.tensor([-1, 1]), mode='loss')['loss_v'].isfinite()


@pytest.mark.parametrize('name', ['drop_still', 'drop_class'])
def test_a_share_above_one_is_refused(name):
    with pytest.raises(ValueError, match=rf'LatentDiffusion: {name} .*got 2'):
        LatentDiffusion(AUTOENCODER, DENOISER, **{name: 2})


def test_another_mode_than_loss_is_refused(diffusion):
    with pytest.raises(ValueError, match=r"LDDMGenerator, .*mode='predict'"):
        diffusion(torch.zeros(1, 4, 4, 8, 8), torch.zeros(1, 1, 64, 64), mode='predict')


@pytest.mark.parametrize('ours, theirs', [
    ((), ('a', 'b')), (('a', 'b'), ()), (('c', 'b', 'a'), ('a', 'b')), ((), ())])
def test_weights_of_other_classes_predict_the_same_for_what_both_know_and_without_a_class(
        ours, theirs):
    torch.manual_seed(0)
    new, old = (LatentDiffusion(AUTOENCODER, DENOISER, classes=names) for names in (ours, theirs))
    with torch.no_grad():
        for parameter in old.denoiser.parameters():  # which begins with blocks that do nothing
            parameter.normal_(std=0.3)
    new.load_state_dict({name: weight for name, weight in old.state_dict().items()
                         if 'embed_class' not in name} | new.class_weights_from(old), strict=False)
    noisy, steps = torch.randn(1, 4, 4, 8, 8), torch.tensor([700])
    condition = torch.randn(1, 8, 8, 8)

    def predicted(diffusion, name):
        label = diffusion.classes.index(name) if name else -1
        return diffusion.eval().denoiser(noisy, steps, condition, torch.tensor([label]))

    for name in ('', *({*ours} & {*theirs})):
        torch.testing.assert_close(predicted(new, name), predicted(old, name))
    for name in {*ours} - {*theirs}:
        assert not torch.allclose(predicted(new, name), predicted(new, ''), atol=1e-3)
