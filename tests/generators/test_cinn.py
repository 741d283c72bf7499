import pytest
import torch
from mmaction.registry import MODELS

from lddm_aug.functional.pixels import to_uint8
from lddm_aug.generators.cinn import CINNGenerator
from lddm_aug.generators.package import load_package, save_package

FLOW = dict(
    type='LatentFlow', still_widths=(8, 8, 8), flow=dict(blocks=2, hidden=8),
    autoencoder=dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                     decoder=dict(widths=(8, 8, 8))))


@pytest.fixture
def generator() -> CINNGenerator:
    """Random weights everywhere, so that stills, seeds and every layer matter."""
    torch.manual_seed(0)
    generator = CINNGenerator(FLOW, size=32)
    for parameter in generator.parameters():
        if parameter.numel() == 1 or parameter.std() < 1e-2:
            torch.nn.init.normal_(parameter, std=0.1)
    return generator


def stills(count: int) -> torch.Tensor:
    return torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_a_clip_begins_with_its_still_and_moves(generator):
    clips = generator(stills(2), [1, 2])
    assert clips.shape == (2, 1, 16, 32, 32)
    assert torch.equal(clips[:, :, 0], stills(2))
    assert clips.std(dim=2).mean() > 1e-3


def test_the_same_still_and_seed_give_the_same_bytes_in_any_batch_and_with_any_threads(generator):
    together = to_uint8(generator(stills(3), [11, 12, 13]))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        alone = torch.cat([to_uint8(generator(stills(3)[i:i + 1], [11 + i])) for i in range(3)])
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(together, alone)


def test_another_seed_gives_another_clip_and_without_temperature_none_does(generator):
    pair = stills(1).expand(2, -1, -1, -1)
    clips = generator(pair, [1, 2])
    assert (clips[0] - clips[1]).abs().max() > 1e-3
    clips = generator.with_sampler(temperature=0.)(pair, [1, 2])
    assert torch.equal(clips[0], clips[1])


def test_a_package_of_it_makes_the_same_clips(generator, tmp_path):
    save_package(tmp_path / 'package', generator, ['p1'])
    loaded = load_package(tmp_path / 'package')
    assert torch.equal(loaded(stills(1), [5]), generator(stills(1), [5]))


@pytest.mark.parametrize('temperature', [-0.1, float('nan')])
def test_a_temperature_that_is_no_spread_is_refused(generator, temperature):
    with pytest.raises(ValueError, match='CINNGenerator: temperature is a standard deviation'):
        MODELS.build(dict(generator.config, temperature=temperature))


@pytest.mark.parametrize('size, num_frames, message', [
    (100, 16, 'a multiple of 4 frames and of 8 pixels, .* got 16 frames of 100 × 100 pixels'),
    (32, 10, 'a multiple of 4 frames and of 8 pixels, .* got 10 frames of 32 × 32 pixels'),
    (40, 16, r'\(3, 3\), but got \(5, 5\); .* of stills of a multiple of 16 pixels')])
def test_a_size_or_length_that_does_not_fit_is_refused_when_it_is_built(size, num_frames, message):
    flow = dict(FLOW, still_widths=(8, 8, 8) if size != 40 else (8, 8, 8, 8))
    with pytest.raises(ValueError, match=message):
        CINNGenerator(flow, size=size, num_frames=num_frames)
