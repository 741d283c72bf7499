from __future__ import annotations

import pytest
import torch
from mmaction.registry import MODELS

from lddm_aug.generators.motion_transfer import MotionTransfer
from lddm_aug.generators.package import load_package, save_package

AUTOENCODER = dict(type='VideoAutoencoder', latent_channels=4, encoder=dict(width=8),
                   decoder=dict(widths=(8, 8, 8)))
CLASSES = ('benign', 'malignant')
LABELS = [0, 1, 0, 1, 1, 0]


def empty() -> MotionTransfer:
    torch.manual_seed(0)
    generator = MotionTransfer(AUTOENCODER, size=32)
    torch.nn.init.normal_(generator.autoencoder.decoder.to_output.weight, std=0.02)
    return generator


@pytest.fixture
def generator() -> MotionTransfer:
    generator = empty()
    generator.fill(torch.randn(6, 4, 4, 4, 4), torch.tensor(LABELS), CLASSES)
    return generator


def stills(count: int) -> torch.Tensor:
    return torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_a_clip_is_a_latent_of_the_bank_decoded_on_the_still(generator):
    clips = generator(stills(2), [8, 9])
    for i, seed in enumerate([8, 9]):
        latent = generator.bank[generator.choose(seed)][None]
        with torch.inference_mode():
            expected = generator.autoencoder.decode(stills(2)[i:i + 1], latent)
        torch.testing.assert_close(clips[i:i + 1], expected.clamp(-1, 1))
    assert torch.equal(clips[:, :, 0], stills(2))


def test_a_label_that_is_told_decides_whose_motion_is_lent(generator):
    for index, name in enumerate(CLASSES):
        clips = [generator.choose(seed, index) for seed in range(60)]
        assert set(clips) == {i for i, label in enumerate(LABELS) if label == index}
        told = generator(stills(1), [3], [dict(label=name)])
        latent = generator.bank[generator.choose(3, index)][None]
        with torch.inference_mode():
            expected = generator.autoencoder.decode(stills(1), latent)
        torch.testing.assert_close(told, expected.clamp(-1, 1))


def test_without_a_label_every_clip_is_lent(generator):
    assert {generator.choose(seed) for seed in range(60)} == set(range(6))


def test_the_package_carries_its_bank(generator, tmp_path):
    save_package(tmp_path / 'package', generator, ['p1'])
    loaded = load_package(tmp_path / 'package')
    assert loaded.classes == CLASSES
    assert torch.equal(loaded.bank, generator.bank)
    assert loaded.bank_labels.tolist() == LABELS
    told = [dict(label=name) for name in CLASSES]
    assert torch.equal(loaded(stills(2), [1, 2], told), generator(stills(2), [1, 2], told))


def test_the_same_still_seed_and_label_give_the_same_bytes_in_any_batch(generator):
    told = [dict(label='benign'), dict(label='malignant'), {}]
    together = generator(stills(3), [1, 2, 3], told)
    alone = [generator(stills(3)[i:i + 1], [i + 1], [each]) for i, each in enumerate(told)]
    assert torch.equal(together, torch.cat(alone))


def test_its_config_builds_one_of_the_same_shape(generator):
    again = MODELS.build(generator.config)
    assert again.bank.shape == generator.bank.shape and again.classes == CLASSES
    again.load_state_dict(generator.state_dict())


def test_a_class_without_a_clip_is_refused():
    with pytest.raises(ValueError, match=r'MotionTransfer: .* got 3 and none of malignant'):
        empty().fill(torch.randn(3, 4, 4, 4, 4), torch.zeros(3, dtype=torch.long), CLASSES)


def test_an_empty_bank_makes_no_clips():
    with pytest.raises(ValueError, match=r'no training clips .* with lddm-aug train-generator'):
        empty()(stills(1), [1])
