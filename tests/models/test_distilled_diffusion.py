import pytest
import torch
from torch.testing import assert_close

from lddm_aug.models.distilled_diffusion import DistilledDiffusion, student_levels
from lddm_aug.models.samplers import flow_levels

AUTOENCODER = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=(8, 8, 8)))
DENOISER = dict(still_widths=(8, 8, 8), width=24, depth=1, heads=2, dropout=0.5)


def distilled(**kwargs) -> DistilledDiffusion:
    torch.manual_seed(0)
    return DistilledDiffusion(**dict(autoencoder=AUTOENCODER, denoiser=DENOISER,
                                     noise=dict(target='flow')) | kwargs)


class StraightTo(torch.nn.Module):
    """The student of a flow whose every way leads straight to one latent."""

    def __init__(self, latent: torch.Tensor) -> None:
        super().__init__()
        self.latent = latent

    def condition(self, still):
        return still

    def forward(self, noisy, steps, condition, told):
        return (noisy - self.latent) * 1000 / steps.view(-1, 1, 1, 1, 1)


@pytest.mark.parametrize('steps', [1, 2, 4])
def test_along_straight_ways_a_student_is_exact(steps):
    model = distilled(student_steps=steps)
    noise, latent = torch.randn(2, 3, 4, 4, 8, 8).unbind()
    model.student = StraightTo(latent)
    told = torch.zeros(3, 0)
    path = model.follow(noise, torch.zeros(3, 1, 64, 64), told)
    for level, reached in zip((*model.levels[1:], 0.), path, strict=True):
        assert_close(reached, (1 - level) * latent + level * noise, rtol=1e-4, atol=1e-5)
    stills = torch.zeros(3, 1, 64, 64, dtype=torch.uint8)
    exact = model(torch.stack([noise, *path], dim=1), stills, told, mode='loss')
    wrong = model(torch.stack([noise, *path[:-1], latent + 2], dim=1), stills, told, mode='loss')
    assert len(exact) == steps and all(loss == 0 for loss in exact.values())
    assert_close(wrong[f'loss_step{steps}'], torch.tensor(4.), rtol=1e-3, atol=0)


@pytest.mark.parametrize('unrolled', [True, False])
def test_a_step_begins_where_the_one_before_ended_or_where_the_teacher_was(unrolled):
    model = distilled(student_steps=4, unrolled=unrolled)
    *path, latent = torch.randn(6, 3, 4, 4, 8, 8).unbind()
    model.student = StraightTo(latent)               # from level s on to s': s' / s as far from it
    stills = torch.zeros(3, 1, 64, 64, dtype=torch.uint8)
    losses = model(torch.stack(path, dim=1), stills, torch.zeros(3, 0), mode='loss')
    start, levels = path[0], (*model.levels, 0.)
    for number, target in enumerate(path[1:], 1):
        reached = latent + levels[number] / levels[number - 1] * (start - latent)
        assert_close(losses[f'loss_step{number}'], (reached - target).square().mean(),
                     rtol=1e-4, atol=1e-5)
        start = reached if unrolled else target


def test_a_student_steps_from_levels_of_its_teacher():
    assert student_levels(16, 1) == (1.,)
    assert student_levels(16, 4) == tuple(flow_levels(16)[[0, 4, 8, 12]].tolist())


@pytest.mark.parametrize('teacher, student', [(16, 3), (16, 0), (2, 4)])
def test_steps_that_do_not_divide_the_teachers_are_refused(teacher, student):
    with pytest.raises(ValueError, match='student_steps'):
        distilled(teacher_steps=teacher, student_steps=student)


def test_only_a_flow_has_a_student():
    with pytest.raises(ValueError, match=r"noise.target='flow'"):
        distilled(noise=dict(target='v'))


def test_the_student_begins_as_its_teacher_and_learns_alone_without_dropout():
    model = distilled(conditions=dict(label=['a', 'b']))
    model.init_weights()
    model.train()
    noise, told = torch.randn(2, 4, 4, 8, 8), torch.tensor([[1.], [torch.nan]])
    torch.nn.init.normal_(model.denoiser.to_output.weight)
    model.student.load_state_dict(model.denoiser.state_dict())
    still = torch.randint(256, (2, 1, 64, 64), dtype=torch.uint8)
    condition = model.condition(still / 127.5 - 1)
    steps = torch.full((2,), 1000.)
    assert torch.equal(model.student(noise, steps, condition, told),
                       model.denoiser(noise, steps, condition, told))
    path = torch.randn(2, 3, 4, 4, 8, 8)
    sum(model(path, still, told, mode='loss').values()).backward()
    learning = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert learning and all(name.startswith('student.') for name in learning)
