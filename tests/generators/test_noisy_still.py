"""The control of noise: its size is that of the training clips at each brightness."""
from __future__ import annotations

import pytest
import torch

from lddm_aug.functional.pixels import to_unit
from lddm_aug.generators import NoisyStill, load_package, save_package


def noisy_clips(count: int = 40) -> torch.Tensor:
    """Dark pixels change by 4 grey levels, bright ones by 16 (standard deviation)."""
    draw = torch.Generator().manual_seed(0)
    still = torch.full((count, 1, 1, 16, 16), 60.)
    still[..., 8:] = 180
    spread = torch.where(still > 100, 16., 4.)
    noise = torch.randn(count, 1, 8, 16, 16, generator=draw)
    noise[:, :, 0] = 0
    return (still + spread * noise).round().clamp(0, 255).to(torch.uint8)


@pytest.fixture
def generator() -> NoisyStill:
    control = NoisyStill(16, num_frames=8)
    control.fit([dict(clip=noisy_clips()[:20]), dict(clip=noisy_clips()[20:])], ('a',))
    return control


def test_its_clips_change_as_much_as_those_that_it_was_fitted_to(generator):
    stills = to_unit(noisy_clips()[:, :, 0])
    clips = generator(stills, range(40))
    assert torch.equal(clips[:, :, 0], stills)
    change = (clips[:, :, 1:] - stills.unsqueeze(2)) * 127.5
    assert change[..., :8].std().item() == pytest.approx(4, rel=0.03)
    assert change[..., 8:].std().item() == pytest.approx(16, rel=0.03)


def test_its_noise_is_independent_from_frame_to_frame(generator):
    stills = to_unit(noisy_clips()[:, :, 0])
    change = generator(stills, range(40))[:, :, 1:] - stills.unsqueeze(2)
    pairs = torch.corrcoef(change.transpose(0, 2).flatten(1))
    assert (pairs - torch.eye(7)).abs().max() < 0.05


def test_a_package_keeps_the_curve(generator, tmp_path):
    save_package(tmp_path / 'package', generator, ['g'])
    still = to_unit(noisy_clips()[:1, :, 0])
    assert torch.equal(load_package(tmp_path / 'package')(still, [3]), generator(still, [3]))


def test_without_clips_it_is_refused():
    with pytest.raises(ValueError, match=r'NoisyStill: .*one training clip'):
        NoisyStill(16).fit([], ('a',))


def test_the_noise_is_as_large_in_a_longer_clip(generator):
    still = torch.zeros(1, 1, 16, 16)
    noise = (generator.with_length(300)(still, [1]) - still.unsqueeze(2))[0, 0]
    usual = (generator(still, [1]) - still.unsqueeze(2))[0, 0]
    assert noise.shape[0] == 300 and (noise[0] == 0).all()
    assert noise[1:].std().item() == pytest.approx(usual[1:].std().item(), rel=0.1)
