import math

import numpy as np
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

    def forward(self, noisy, steps, condition, told):
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
    diffusion = LatentDiffusion(AUTOENCODER, DENOISER,
                                conditions=dict(label=['benign', 'malignant']))
    for parameter in diffusion.denoiser.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    latent, still = torch.randn(2, 4, 4, 8, 8), torch.zeros(2, 1, 64, 64, dtype=torch.uint8)

    def losses(drop_conditions: float) -> list[torch.Tensor]:
        diffusion.drop_conditions, found = drop_conditions, []
        for label in (0., 1.):
            torch.manual_seed(1)
            told = torch.full((2, 1), label)
            found.append(diffusion(latent, still, told, mode='loss')['loss_v'])
        return found

    conditional, unconditional = losses(0.), losses(1.)
    assert conditional[0] != conditional[1]
    assert unconditional[0] == unconditional[1]


@pytest.mark.parametrize('name', ['drop_still', 'drop_conditions'])
def test_a_share_above_one_is_refused(name):
    with pytest.raises(ValueError, match=rf'LatentDiffusion: {name} .*got 2'):
        LatentDiffusion(AUTOENCODER, DENOISER, **{name: 2})


def test_another_mode_than_loss_is_refused(diffusion):
    with pytest.raises(ValueError, match=r"LDDMGenerator, .*mode='predict'"):
        diffusion(torch.zeros(1, 4, 4, 8, 8), torch.zeros(1, 1, 64, 64), mode='predict')


@pytest.mark.parametrize('ours, theirs', [
    ({}, dict(label=['a', 'b'])), (dict(label=['a', 'b']), {}), ({}, {}),
    (dict(label=['c', 'b', 'a']), dict(label=['a', 'b'])),
    (dict(motion='number', label=['a', 'b']), dict(label=['a', 'b'], ef='number')),
    (dict(ef='number'), dict(label=['a', 'b'], ef='number', prompt='text'))])
def test_weights_of_other_conditions_predict_the_same_for_what_both_know_and_without_any(
        ours, theirs):
    torch.manual_seed(0)
    new, old = (LatentDiffusion(AUTOENCODER, DENOISER, conditions=each) for each in (ours, theirs))
    with torch.no_grad():
        for parameter in old.denoiser.parameters():  # which begins with blocks that do nothing
            parameter.normal_(std=0.3)
    new.load_state_dict({name: weight for name, weight in old.state_dict().items()
                         if 'embed_conditions' not in name and name != 'occurring'}
                        | new.condition_weights_from(old), strict=False)
    noisy, steps = torch.randn(1, 4, 4, 8, 8), torch.tensor([700])
    condition = torch.randn(1, 8, 8, 8)

    def predicted(diffusion, **told):
        return diffusion.eval().denoiser(noisy, steps, condition,
                                         diffusion.conditions.encode('test', [told]))

    torch.testing.assert_close(predicted(new), predicted(old))
    if 'label' in ours and 'label' in theirs:
        for name in {*ours['label']} & {*theirs['label']}:
            torch.testing.assert_close(predicted(new, label=name), predicted(old, label=name))
    if 'ef' in ours:
        torch.testing.assert_close(predicted(new, ef=0.7), predicted(old, ef=0.7))
    for name in {*ours.get('label', ())} - {*theirs.get('label', ())}:
        assert not torch.allclose(predicted(new, label=name), predicted(new), atol=1e-3)


def told_of(model, rows):
    return model.conditions.encode('test', rows)


def test_a_measured_condition_occurs_as_often_as_among_the_groups_of_a_class():
    model = LatentDiffusion(AUTOENCODER, DENOISER,
                            conditions=dict(label=['a', 'b'], motion='number'))
    rng = np.random.default_rng(0)
    few, many = rng.normal(0, 0.1, 100), rng.normal(5, 0.1, 900)      # a group of each
    rows = [dict(label='a', motion=value) for value in (*few, *many)]
    rows += [dict(label='b', motion=value) for value in rng.normal(9, 1, 500)]
    groups = ['p'] * 100 + ['q'] * 900 + ['r'] * 500
    model.fit_conditions(told_of(model, rows), groups)
    drawn = [model.draw_measured('motion', 0, share) for share in np.linspace(0, 1, 1001)]
    assert np.mean(np.array(drawn) < 2.5) == pytest.approx(0.5, abs=0.02)
    assert np.quantile(drawn, 0.25) == pytest.approx(0, abs=0.05)
    of_b = [model.draw_measured('motion', 1, share) for share in np.linspace(0, 1, 1001)]
    assert np.mean(of_b) == pytest.approx(9, abs=0.1)
    assert np.std(of_b) == pytest.approx(1, abs=0.1)
    anyone = [model.draw_measured('motion', math.nan, share) for share in np.linspace(0, 1, 1001)]
    assert np.mean(np.array(anyone) > 7) == pytest.approx(1 / 3, abs=0.02)


def test_of_several_conditions_some_are_dropped_alone_and_some_together():
    model = LatentDiffusion(AUTOENCODER, DENOISER, drop_conditions=0.2,
                            conditions=dict(label=['a', 'b'], motion='number'))
    torch.manual_seed(0)
    unknown = model.drop(torch.zeros(20_000, 2)).isnan()
    # 0.2 + 0.8 · 0.2 of each; of both 0.2 + 0.8 · 0.2²
    torch.testing.assert_close(unknown.float().mean(dim=0), torch.full((2,), 0.36),
                               atol=0.02, rtol=0)
    assert unknown.all(dim=1).float().mean().item() == pytest.approx(0.232, abs=0.01)


def test_a_category_without_names_is_refused():
    with pytest.raises(ValueError, match=r'LatentDiffusion: .*label'):
        LatentDiffusion(AUTOENCODER, DENOISER, conditions=dict(label='category'))
