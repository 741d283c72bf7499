import math

import pytest
import torch
from torch.testing import assert_close

from lddm_aug.conditions import Conditions
from lddm_aug.networks.denoiser import Denoiser, sinusoids


def small_denoiser(conditions: Conditions | None = None) -> Denoiser:
    """With gates and output away from the zeros they start at."""
    torch.manual_seed(0)
    denoiser = Denoiser(1, 4, still_widths=(8, 8, 8), width=24, depth=2, heads=2,
                        conditions=conditions).eval()
    for parameter in denoiser.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.2)
    return denoiser


def test_sinusoids_are_those_of_vaswani_2017():
    position, width = torch.tensor([3.]), 8
    angles = [3 / 10000 ** (2 * i / width) for i in range(4)]
    expected = torch.tensor([angles]).sin(), torch.tensor([angles]).cos()
    assert_close(sinusoids(position, width), torch.cat(expected, dim=1))


def test_it_keeps_the_latents_shape_and_the_batch_apart():
    denoiser = small_denoiser()
    noisy, steps = torch.randn(3, 4, 4, 8, 8), torch.tensor([0, 500, 999])
    condition = denoiser.condition(torch.rand(3, 1, 64, 64))
    unconditional = torch.tensor([-1, -1, -1])
    out = denoiser(noisy, steps, condition, unconditional)
    assert out.shape == noisy.shape
    alone = denoiser(noisy[1:2], steps[1:2], condition[1:2], unconditional[1:2])
    assert_close(out[1:2], alone, atol=1e-5, rtol=1e-5)


def test_still_and_noise_level_and_every_place_count():
    denoiser = small_denoiser()
    noisy, step, label = torch.randn(1, 4, 4, 8, 8), torch.tensor([500]), torch.zeros(1, 0)
    condition = denoiser.condition(torch.rand(1, 1, 64, 64))
    out = denoiser(noisy, step, condition, label)
    assert not torch.allclose(out, denoiser(noisy, step, torch.zeros_like(condition), label))
    assert not torch.allclose(out, denoiser(noisy, torch.tensor([10]), condition, label))
    far = noisy.clone()
    far[..., 0, 0, 0] += 1                                # changes the other end of the clip
    changed = denoiser(far, step, condition, label)
    assert not torch.allclose(out[..., -1, -1, -1], changed[..., -1, -1, -1])
    turned = denoiser(noisy.flip(4), step, condition.flip(3), label).flip(4)
    assert not torch.allclose(out, turned, atol=1e-4)     # it knows left from right
    back = denoiser(noisy.flip(2), step, condition, label).flip(2)
    assert not torch.allclose(out, back, atol=1e-4)       # and before from after


@pytest.mark.parametrize('place', [(0, 0, 0), (1, 1, 2), (3, 0, 7), (2, 3, 4)])
def test_without_attention_a_token_predicts_its_own_places_alone(place):
    torch.manual_seed(0)
    denoiser = Denoiser(1, 4, still_widths=(8, 8, 8), width=24, depth=0).eval()
    torch.nn.init.normal_(denoiser.to_output.weight)
    noisy, (t, row, column) = torch.randn(1, 4, 4, 4, 8), place
    changed = noisy.clone()
    changed[0, :, t, row, column] += 1
    step, label = torch.tensor([500]), torch.zeros(1, 0)
    condition = torch.zeros(1, 8, 4, 8)
    change = (denoiser(changed, step, condition, label)
              - denoiser(noisy, step, condition, label)).abs().amax(dim=(0, 1)) > 0
    own = torch.zeros(4, 4, 8, dtype=torch.bool)
    own[t, row // 2 * 2:row // 2 * 2 + 2, column // 2 * 2:column // 2 * 2 + 2] = True
    assert torch.equal(change, own)


def test_every_class_has_its_row_and_unconditional_samples_the_last_one():
    denoiser = small_denoiser(Conditions('test', dict(label=['a', 'b'])))
    noisy, step = torch.randn(1, 4, 4, 8, 8), torch.tensor([500])
    condition = denoiser.condition(torch.rand(1, 1, 64, 64))

    def rows(label: float) -> list[int]:
        prediction = denoiser(noisy, step, condition, torch.tensor([[label]]))
        gradient, = torch.autograd.grad(prediction.sum(),
                                        denoiser.embed_conditions['label'].vectors.weight)
        return gradient.any(dim=1).nonzero().flatten().tolist()

    assert [rows(label) for label in (0., 1., math.nan)] == [[0], [1], [2]]
    with pytest.raises(IndexError):
        rows(3)


@pytest.mark.parametrize('places, pixels, message', [
    ((13, 13), 104, r'patch=2, but got \(13, 13\); .* 16 pixels'),
    ((8, 8), 32, r'3 still_widths .* \(4, 4\), but got \(8, 8\)')])
def test_a_latent_of_other_places_than_the_still_s_or_of_half_tokens_is_refused(
        places, pixels, message):
    denoiser = small_denoiser()
    condition = denoiser.condition(torch.rand(1, 1, pixels, pixels))
    with pytest.raises(ValueError, match=f'Denoiser: .*{message}'):
        denoiser(torch.randn(1, 4, 4, *places), torch.tensor([500]), condition,
                 torch.zeros(1, 0))
