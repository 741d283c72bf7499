from copy import deepcopy

import pytest
import torch
from mmaction.registry import MODELS
from torch.testing import assert_close

from lddm_aug.functional.pixels import to_uint8
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.generators.package import save_package
from lddm_aug.seeds import derive_seed

DIFFUSION = dict(
    type='LatentDiffusion',
    autoencoder=dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                     decoder=dict(widths=(8, 8, 8))),
    denoiser=dict(still_widths=(8, 8, 8), width=24, depth=2, heads=2))
LABEL = dict(label=['benign', 'malignant'])


@pytest.fixture
def generator() -> LDDMGenerator:
    """Random weights everywhere, so that stills, seeds and every layer matter."""
    torch.manual_seed(0)
    generator = LDDMGenerator(DIFFUSION, size=32, steps=3)
    for parameter in generator.parameters():
        if parameter.std() < 1e-2 or parameter.numel() == 1:
            torch.nn.init.normal_(parameter, std=0.1)
    return generator


def stills(count: int) -> torch.Tensor:
    return torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_a_clip_begins_with_its_still_and_moves(generator):
    clips = generator(stills(2), [1, 2])
    assert clips.shape == (2, 1, 16, 32, 32)
    assert torch.equal(clips[:, :, 0], stills(2))
    assert clips.std(dim=2).mean() > 1e-3
    assert clips.abs().max() <= 1


def test_the_same_still_and_seed_give_the_same_bytes_in_any_batch_and_with_any_threads(generator):
    seeds = [11, 12, 13, 14, 15, 16, 17, 18]
    together = to_uint8(generator(stills(8), seeds))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        alone = torch.cat([to_uint8(generator(stills(8)[i:i + 1], seeds[i:i + 1]))
                           for i in reversed(range(8))]).flip(0)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(together, alone)


def test_another_seed_gives_another_clip(generator):
    clips = generator(stills(1).expand(2, -1, -1, -1), [1, 2])
    assert (clips[0] - clips[1]).abs().max() > 1e-3


class KnowsTheDistribution(torch.nn.Module):
    """The exact v where each latent value is drawn from N(mean, std²), whatever the still."""

    def __init__(self, abar: torch.Tensor, mean: float, std: float) -> None:
        super().__init__()
        self.abar, self.mean, self.std = abar, mean, std

    def forward(self, noisy, steps, condition, told):
        abar = self.abar[steps.long()].double().view(-1, 1, 1, 1, 1)
        variance = abar * self.std ** 2 + 1 - abar
        noise = (1 - abar).sqrt() * (noisy - abar.sqrt() * self.mean) / variance
        latent = self.mean + abar.sqrt() * self.std ** 2 * (noisy - abar.sqrt() * self.mean) \
            / variance
        return (abar.sqrt() * noise - (1 - abar).sqrt() * latent).float()


def test_ten_steps_land_on_the_distribution_that_the_denoiser_knows(generator):
    schedule = generator.diffusion.noise_process
    generator.diffusion.denoiser = KnowsTheDistribution(schedule.alphas_cumprod, 2.5, 0.5)
    latents = generator.with_sampler(steps=10).denoise(
        torch.zeros(64, 8, 4, 4), list(range(64)), torch.zeros(64, 0))
    assert latents.mean() == pytest.approx(2.5, abs=0.02)
    assert latents.std() == pytest.approx(0.5, abs=0.05)


def test_temperature_is_the_spread_of_the_noise_it_starts_from(generator):
    generator.diffusion.denoiser = KnowsTheDistribution(
        generator.diffusion.noise_process.alphas_cumprod, 2.5, 1.)   # v = −mean: the noise stays
    latents = generator.with_sampler(steps=10, temperature=0.6).denoise(
        torch.zeros(64, 8, 4, 4), list(range(64)), torch.zeros(64, 0))
    assert latents.mean() == pytest.approx(2.5, abs=0.02)
    assert latents.std() == pytest.approx(0.6, abs=0.02)


def guided_by(generator, latent, steps, condition, told):
    """What the denoiser predicts by the weights of a generator's sampler."""
    return generator.diffusion.predict(latent, steps, condition, told, generator.sampler.guidance,
                                       generator.sampler.condition_guidance)


def test_guidance_weighs_the_still_as_ho_and_salimans_say(generator):
    denoiser = generator.diffusion.denoiser
    latent, steps = torch.randn(1, *generator.latent_shape), torch.tensor([400])
    condition = denoiser.condition(stills(1))
    nothing = torch.zeros(1, 0)
    conditional = denoiser(latent, steps, condition, nothing)
    unconditional = denoiser(latent, steps, denoiser.no_still.expand_as(condition), nothing)
    assert_close(guided_by(generator, latent, steps, condition, nothing), conditional)
    guided = guided_by(generator.with_sampler(guidance=3.), latent, steps, condition, nothing)
    assert_close(guided, 3 * conditional - 2 * unconditional)


def test_guidance_weighs_the_class_as_well():
    torch.manual_seed(0)
    generator = LDDMGenerator(dict(DIFFUSION, conditions=LABEL), size=32, steps=3, guidance=3.)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    denoiser = generator.diffusion.denoiser
    latent, steps = torch.randn(1, *generator.latent_shape), torch.tensor([400])
    condition, told = denoiser.condition(stills(1)), torch.tensor([[1.]])
    conditional = denoiser(latent, steps, condition, told)
    unconditional = denoiser(latent, steps, denoiser.no_still.expand_as(condition),
                             torch.tensor([[torch.nan]]))
    assert_close(guided_by(generator, latent, steps, condition, told),
                 3 * conditional - 2 * unconditional)


def test_guidance_of_one_condition_weighs_this_one_alone():
    torch.manual_seed(0)
    generator = LDDMGenerator(dict(DIFFUSION, conditions=dict(LABEL, ef='number')), size=32,
                              steps=3, condition_guidance=dict(ef=2.5))
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    denoiser = generator.diffusion.denoiser
    latent, steps = torch.randn(1, *generator.latent_shape), torch.tensor([400])
    condition, told = denoiser.condition(stills(1)), torch.tensor([[1., 0.3]])
    conditional = denoiser(latent, steps, condition, told)
    without = denoiser(latent, steps, condition, torch.tensor([[1., torch.nan]]))
    assert_close(guided_by(generator, latent, steps, condition, told),
                 conditional + 1.5 * (conditional - without))
    with pytest.raises(ValueError, match=r'condition_guidance .*view'):
        generator.with_sampler(condition_guidance=dict(view=2.))


@pytest.mark.parametrize('wrong, message', [
    (torch.zeros(1, 1, 16, 16), r'stills must be .* \(B, 1, 32, 32\), but got \(1, 1, 16, 16\)'),
    (torch.zeros(1, 3, 32, 32), r'but got \(1, 3, 32, 32\); resize them or change their colour'),
    (torch.full((1, 1, 32, 32), 255.), r'float in \[-1, 1\], but got torch.float32 up to 255'),
    (torch.full((1, 1, 32, 32), float('nan')), r'float in \[-1, 1\], but got torch.float32'),
    (torch.zeros(1, 1, 32, 32, dtype=torch.uint8), r'but got torch.uint8')])
def test_a_still_of_another_kind_is_refused(generator, wrong, message):
    with pytest.raises(ValueError, match=message):
        generator(wrong, [1])


def test_as_many_seeds_as_stills_are_asked_for(generator):
    with pytest.raises(ValueError, match='got 2 seeds for 1 stills'):
        generator(stills(1), [1, 2])


def test_a_sampler_without_steps_is_refused(tiny_lddm):
    with pytest.raises(ValueError, match=r'LDDMGenerator: steps .* lies in .1, 1000., but got 0'):
        MODELS.build(dict(tiny_lddm.config, steps=0))


@pytest.mark.parametrize('guidance', [-1, float('nan'), '2'])
def test_guidance_that_is_no_weight_is_refused(tiny_lddm, guidance):
    with pytest.raises(ValueError, match='guidance is a weight, 0 or more, but got'):
        MODELS.build(dict(tiny_lddm.config, guidance=guidance))


@pytest.mark.parametrize('trained', [
    dict(drop_still=0.), dict(drop_conditions=0., conditions=LABEL)])
def test_guidance_by_what_was_never_learnt_is_refused(trained):
    diffusion = dict(DIFFUSION, **trained)
    assert LDDMGenerator(diffusion, size=32, guidance=1).sampler.guidance == 1
    with pytest.raises(ValueError, match=r'LDDMGenerator: guidance other than 1 needs a diffusion '
                                         r'trained with drop_still above 0.* guidance=3.0 with'):
        LDDMGenerator(diffusion, size=32, guidance=3.)


def test_guidance_without_conditions_needs_none_withheld():
    assert LDDMGenerator(dict(DIFFUSION, drop_conditions=0.), size=32, guidance=3.)


@pytest.mark.parametrize('size, num_frames, message', [
    (104, 16, r'patch=2, but got \(13, 13\); take stills of a multiple of 16 pixels'),
    (40, 16, r'patch=2, but got \(5, 5\); take stills of a multiple of 16 pixels'),
    (100, 16, 'a multiple of 4 frames and of 8 pixels, .* got 16 frames of 100 × 100 pixels'),
    (32, 10, 'a multiple of 4 frames and of 8 pixels, .* got 10 frames of 32 × 32 pixels')])
def test_a_size_or_length_that_does_not_fit_is_refused_when_it_is_built(size, num_frames, message):
    with pytest.raises(ValueError, match=message):
        LDDMGenerator(DIFFUSION, size=size, num_frames=num_frames)


def test_still_widths_that_do_not_fit_the_autoencoder_are_refused_when_it_is_built():
    denoiser = dict(DIFFUSION['denoiser'], still_widths=(8, 8))
    with pytest.raises(ValueError, match=r'Denoiser: 2 still_widths fit latents of \(h, w\) = '
                                         r'\(8, 8\), but got \(4, 4\)'):
        LDDMGenerator(dict(DIFFUSION, denoiser=denoiser), size=32)


@pytest.mark.parametrize('temperature', [-0.1, float('nan'), True, '1'])
def test_a_temperature_that_is_no_spread_is_refused(tiny_lddm, temperature):
    with pytest.raises(ValueError, match='LDDMGenerator: temperature is a standard deviation'):
        MODELS.build(dict(tiny_lddm.config, temperature=temperature))


def test_a_class_it_knows_changes_the_clip_and_another_is_refused():
    torch.manual_seed(0)
    generator = LDDMGenerator(dict(DIFFUSION, conditions=LABEL), size=32, steps=3)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    benign, malignant, untold = (
        generator(stills(1), [1], [told])
        for told in (dict(label='benign'), dict(label='malignant'), {}))
    assert (benign - malignant).abs().max() > 1e-4
    assert_close(generator(stills(1), [1]), untold)
    with pytest.raises(ValueError, match=r"label .* benign, malignant, .* 'None', 'normal';"):
        generator(stills(3), [1, 2, 3], [dict(label=name) for name in ('benign', 'normal', 'None')])


@pytest.mark.parametrize('sampler, target', [
    ('DDPM', 'v'), ('DDIM', 'v'), ('DPMSolverMultistep', 'v'), ('FlowMatchEuler', 'flow'),
    ('DPMSolverMultistep', 'flow')])
def test_the_seed_alone_decides_whatever_the_sampler(sampler, target):
    torch.manual_seed(0)
    generator = LDDMGenerator(dict(DIFFUSION, noise=dict(target=target)), size=32, steps=3,
                              sampler=sampler)
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    first = generator(stills(1), [1])
    torch.manual_seed(99)
    assert_close(generator(stills(2), [5, 1])[1:], generator(stills(2)[1:], [1]), rtol=0, atol=0)
    assert_close(generator(stills(1), [1]), first, rtol=0, atol=0)


@pytest.mark.parametrize('classes', [['benign', 'malignant'], (0, 1), ['benign']])
def test_a_package_says_the_classes_as_names(classes):
    generator = LDDMGenerator(dict(DIFFUSION, conditions=dict(label=classes)), size=32)
    assert generator.classes == tuple(generator.config['diffusion']['conditions']['label'])
    assert generator.classes in {('benign', 'malignant'), ('0', '1'), ('benign',)}
    assert MODELS.build(dict(generator.config)).classes == generator.classes
    assert 'conditions' not in LDDMGenerator(DIFFUSION, size=32).config['diffusion']


def test_a_student_is_sampled_as_it_was_trained():
    distilled = DIFFUSION | dict(type='DistilledDiffusion', noise=dict(target='flow'),
                                 teacher_steps=4, student_steps=2)
    generator = LDDMGenerator(distilled, size=32, sampler='Student', steps=2)
    for other, rule in ((dict(steps=3), 'steps=2'), (dict(guidance=2.), 'guidance=1'),
                        (dict(temperature=0.5), 'temperature=1')):
        with pytest.raises(ValueError, match=f'student was trained with {rule}'):
            generator.with_sampler(**other)
    still, told = stills(1), torch.zeros(1, 0)
    noise = torch.randn(generator.latent_shape, generator=torch.Generator().manual_seed(5))
    condition = generator.diffusion.student.condition(still)
    *_, expected = generator.diffusion.follow(noise.unsqueeze(0), condition, told)
    assert torch.equal(generator.denoise(condition, [5], told), expected)
    clip = generator.diffusion.autoencoder.decode(still, expected, [5])
    assert torch.equal(generator(still, [5]), clip.clamp(-1, 1))


def test_a_student_of_a_guided_teacher_is_told_by_its_package():
    distilled = DIFFUSION | dict(type='DistilledDiffusion', noise=dict(target='flow'),
                                 conditions=LABEL, condition_guidance=dict(label=3.),
                                 teacher_steps=4, student_steps=2)
    generator = LDDMGenerator(distilled, size=32, sampler='Student', steps=2,
                              condition_guidance=dict(label=3.))
    assert MODELS.build(generator.config).sampler == generator.sampler
    assert generator.sampler.as_dict()['condition_guidance'] == dict(label=3.)
    teacher = generator.with_sampler(name='DPMSolverMultistep', steps=4)
    assert teacher.sampler.condition_guidance == dict(label=3.)
    for other in ({}, dict(label=2.)):
        with pytest.raises(ValueError, match=r"condition_guidance=\{'label': 3.0\}"):
            generator.with_sampler(condition_guidance=other)
    for wrong, named in ((dict(view=2.), 'condition_guidance .*view'), (dict(label=-1.), 'label')):
        with pytest.raises(ValueError, match=named):
            MODELS.build(distilled | dict(condition_guidance=wrong))


def test_a_diffusion_without_a_student_has_no_such_sampler():
    with pytest.raises(ValueError, match=r"'Student' .*distilled"):
        LDDMGenerator(DIFFUSION, size=32, sampler='Student', steps=2)


def test_a_longer_clip_begins_with_its_still_and_moves_on(generator):
    longer = generator.with_length(38)
    clips = longer(stills(2), [1, 2])
    assert clips.shape == (2, 1, 38, 32, 32) and longer.num_frames == 38
    assert torch.equal(clips[:, :, 0], stills(2))
    assert clips.diff(dim=2).abs().mean(dim=(0, 1, 3, 4)).min() > 1e-4
    assert generator.num_frames == 16


def test_the_usual_length_is_the_generator_itself_and_a_shorter_one_its_beginning(generator):
    assert generator.with_length(16, 3) is generator
    assert generator.with_length(40).with_length(16) is generator
    shorter = generator.with_length(5)(stills(1), [3])
    assert torch.equal(shorter, generator(stills(1), [3])[:, :, :5])


def test_a_longer_clip_is_the_same_in_any_batch(generator):
    longer = generator.with_length(24)
    together = longer(stills(3), [4, 5, 6])
    assert torch.equal(together[1:2], longer(stills(3)[1:2], [5]))


@pytest.mark.parametrize('stride, taken', [
    (6, [0, 2, 4, 6, 8]), (4, [0, 1, 3, 4, 5]), (5, [0, 2, 3, 5, 7])])
def test_a_larger_stride_takes_the_frames_that_are_nearest_in_time(generator, stride, taken):
    slower = generator.with_length(5, stride)
    assert slower.frame_stride == stride
    assert torch.equal(slower(stills(1), [3]), generator(stills(1), [3])[:, :, taken])


def test_the_last_frame_of_a_window_is_the_still_of_the_next():
    painting = deepcopy(DIFFUSION)
    painting['autoencoder']['decoder']['head'] = 'paint'             # without blur
    generator = LDDMGenerator(painting, size=32, steps=3)
    still, windows = stills(1), []
    for number in range(3):
        seed = derive_seed('window', 7, number) if number else 7
        window = generator(still, [seed])
        windows.append(window[:, :, 1:] if number else window)
        still = window[:, :, -1]
    longer = generator.with_length(46)
    assert longer.seams() == [16, 31]
    assert torch.equal(longer(stills(1), [7]), torch.cat(windows, dim=2))


def test_a_window_goes_on_from_a_frame_that_is_not_blurred(generator):
    autoencoder = generator.diffusion.autoencoder
    first = autoencoder.rebuild(stills(1), generator.sample_latents(stills(1), [7]))
    sharp = first.sharp[:, :, -1].clamp(-1, 1)
    assert not torch.allclose(first.clip[:, :, -1], sharp, atol=1e-3)
    second = generator(sharp, [derive_seed('window', 7, 1)])
    clip = generator.with_length(31)(stills(1), [7])
    assert_close(clip[:, :, 16:], second[:, :, 1:])


def test_other_settings_of_the_sampler_keep_the_length(generator):
    other = generator.with_length(24, 6).with_sampler(steps=2)
    assert (other.num_frames, other.frame_stride, other.sampler.steps) == (24, 6, 2)


@pytest.mark.parametrize('length, message', [
    (dict(frame_stride=2), '3 frames of the source video apart, .* cannot be 2; take 3 or more'),
    (dict(num_frames=1), 'num_frames lies in .2, 1024., but got 1')])
def test_a_length_that_it_cannot_make_is_refused(generator, length, message):
    with pytest.raises(ValueError, match=f'LDDMGenerator: .*{message}'):
        generator.with_length(**length)


def test_a_package_has_the_usual_length(generator, tmp_path):
    with pytest.raises(ValueError, match='save_package: clips of 32 frames of stride 3'):
        save_package(tmp_path / 'package', generator.with_length(32), [])
    assert not (tmp_path / 'package').exists()


def test_latents_are_those_of_the_usual_length(generator):
    with pytest.raises(ValueError, match='latents are of clips of the length and stride'):
        generator.with_length(32).sample_latents(stills(1), [1])
