"""What all generators have in common."""
from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError

import pytest
import torch
from mmaction.registry import MODELS

from lddm_aug.conditions import Conditions
from lddm_aug.generators.base import Generator, _padded
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.generators.motion_transfer import MotionTransfer
from lddm_aug.generators.package import load_package, save_package
from lddm_aug.generators.random_warp import RandomWarp

AUTOENCODER = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=(8, 8, 8)), grain=dict(num_frames=16, size=32))
LEARNT = {
    'LDDMGenerator': dict(diffusion=dict(
        type='LatentDiffusion', autoencoder=AUTOENCODER,
        denoiser=dict(still_widths=(8, 8, 8), width=24, depth=1, heads=2))),
    'CINNGenerator': dict(flow=dict(
        type='LatentFlow', autoencoder=AUTOENCODER, still_widths=(8, 8, 8),
        flow=dict(blocks=2, hidden=8))),
    'MotionTransfer': dict(autoencoder=AUTOENCODER)}


def stills(count: int) -> torch.Tensor:
    return torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize('kind', LEARNT)
def test_the_clips_have_the_grain_that_the_autoencoder_measured(kind):
    torch.manual_seed(0)
    generator = MODELS.build(dict(type=kind, size=32, **LEARNT[kind]))
    if isinstance(generator, MotionTransfer):
        generator.fill(torch.randn(2, 4, 4, 4, 4), torch.tensor([0, 1]), ('a', 'b'))
    grain = next(part for part in generator.modules() if type(part).__name__ == 'Grain')
    grain.real_power.fill_(1000.)
    coarse = generator(stills(1), [5])
    grain.gain.zero_()
    smooth = generator(stills(1), [5])
    assert (coarse - smooth)[:, :, 1:].std() > 1e-3


class Adds(Generator):
    """Clips that show what they were made of: the still, its seed and its class added up."""

    def __init__(self) -> None:
        super().__init__(channels=1, size=2, num_frames=2, frame_stride=1)
        self.conditions, self.asked = Conditions('Adds', dict(label=['a', 'b'])), 0

    def generate(self, stills, seeds, told):
        self.asked = len(stills)
        total = torch.tensor(seeds) + told[:, 0].nan_to_num(-1)
        return stills.unsqueeze(2).repeat(1, 1, 2, 1, 1) + total.view(-1, 1, 1, 1, 1) / 100


def test_a_batch_that_is_filled_up_for_an_accelerator_gives_the_clips_asked_for():
    generator, few = Adds(), torch.tensor([0., 0.1, 0.2]).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    told = torch.tensor([[1.], [torch.nan], [0.]])
    clips = _padded(generator.generate, few, [10, 20, 30], told)
    assert generator.asked == 8
    torch.testing.assert_close(clips, generator.generate(few, [10, 20, 30], told))


@pytest.mark.parametrize('generator', [
    RandomWarp(8, 2.), RandomWarp(amplitude=2., size=8), RandomWarp(8, amplitude=2., channels=1)])
def test_the_config_holds_every_argument_however_it_was_given(generator):
    assert generator.config == dict(type='RandomWarp', size=8, amplitude=2., channels=1,
                                    num_frames=16, frame_stride=3)


def test_an_argument_that_a_generator_does_not_have_is_refused_by_name():
    with pytest.raises(TypeError, match=r'RandomWarp: .*strength'):
        RandomWarp(8, strength=2.)


def test_what_is_done_to_a_config_changes_no_generator(tiny_lddm):
    before = copy.deepcopy(tiny_lddm.config)
    tiny_lddm.config['diffusion']['denoiser']['width'] = 99
    tiny_lddm.config['steps'] = 99
    assert tiny_lddm.config == before


@pytest.mark.parametrize('setting', ['size', 'channels', 'num_frames', 'frame_stride', 'sampler'])
def test_the_settings_of_a_generator_stay_as_it_was_built(tiny_lddm, setting):
    before = getattr(tiny_lddm, setting)
    with pytest.raises(AttributeError, match=f'LDDMGenerator: {setting} is set when'):
        setattr(tiny_lddm, setting, 1)
    with pytest.raises(FrozenInstanceError):
        tiny_lddm.sampler.steps = 1
    assert getattr(tiny_lddm, setting) == before


def test_with_another_sampler_it_is_what_would_be_built_with_that_one(tiny_lddm, tmp_path):
    changed = tiny_lddm.with_sampler(name='DDIM', steps=2, temperature=0.5)
    built = MODELS.build(dict(tiny_lddm.config, sampler='DDIM', steps=2, temperature=0.5))
    assert changed.config == built.config and changed.sampler == built.sampler
    built.load_state_dict(tiny_lddm.state_dict())
    still = stills(1)[:, :, :16, :16]
    assert torch.equal(changed(still, [1]), built(still, [1]))
    assert not torch.equal(changed(still, [1]), tiny_lddm(still, [1]))
    save_package(tmp_path / 'package', changed, ())
    assert load_package(tmp_path / 'package').sampler == changed.sampler


def test_with_another_sampler_its_weights_are_the_same_tensors(tiny_lddm):
    pairs = zip(tiny_lddm.parameters(), tiny_lddm.with_sampler(steps=2).parameters(), strict=True)
    assert all(one is other for one, other in pairs)
    assert tiny_lddm.sampler.steps == tiny_lddm.config['steps'] == 3


@pytest.mark.parametrize('changes', [
    dict(size=32), dict(noise=1.), dict(steps=0), dict(name='Euler'), dict(temperature=-1.)])
def test_a_setting_that_its_sampler_cannot_have_is_refused(tiny_lddm, changes):
    with pytest.raises(ValueError, match=r'LDDMGenerator: .*but'):
        tiny_lddm.with_sampler(**changes)
    with pytest.raises(ValueError, match='RandomWarp: its sampler takes nothing'):
        RandomWarp(8).with_sampler(**changes)


def test_a_copy_and_what_a_worker_unpickles_make_the_same_clips(tiny_lddm):
    clip = tiny_lddm(stills(1)[:, :, :16, :16], [1])
    for again in (copy.deepcopy(tiny_lddm), pickle.loads(pickle.dumps(tiny_lddm))):
        assert isinstance(again, LDDMGenerator) and again.config == tiny_lddm.config
        assert torch.equal(again(stills(1)[:, :, :16, :16], [1]), clip)
