"""Copies of training clips are found while they are made."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from lddm_aug.data.annotations import read_annotations
from lddm_aug.evaluation.clip_set import ClipSet
from lddm_aug.evaluation.likeness import LikenessFilter
from lddm_aug.generators import Generator
from lddm_aug.store.manifest import read_manifest, read_plan
from lddm_aug.synthesis.synthesize import synthesize


def clips(count: int, seed: int, groups: str) -> ClipSet:
    """Blobs that move, each in its own way."""
    rng = np.random.default_rng(seed)
    frames = np.zeros((count, 1, 8, 16, 16), np.float32)
    y, x = np.mgrid[:16, :16]
    for clip in frames[:, 0]:
        place, speed, width = rng.uniform(4, 12, 2), rng.uniform(-1, 1, 2), rng.uniform(1, 4)
        for t, frame in enumerate(clip):
            frame += 200 * np.exp(-((y - place[0] - t * speed[0]) ** 2
                                    + (x - place[1] - t * speed[1]) ** 2) / (2 * width ** 2))
    return ClipSet(torch.from_numpy(frames.clip(0, 255).astype(np.uint8)),
                   [f'{groups}{n}' for n in range(count)], ['a'] * count)


@pytest.fixture
def training() -> ClipSet:
    return clips(20, 0, 'train')


@pytest.fixture
def copies_are_left_out(training) -> LikenessFilter:
    return LikenessFilter(training, clips(20, 1, 'test'), most=2)


class Copies(Generator):
    """Hands out a training clip for every second seed, and for the others one of its own."""

    def __init__(self, size: int, num_frames: int) -> None:
        super().__init__(channels=1, size=size, num_frames=num_frames, frame_stride=1)
        self.known, self.own = clips(20, 0, 'train').clips, clips(20, 2, 'other').clips

    def generate(self, stills, seeds, told):
        return torch.stack([(self.known if seed % 2 else self.own)[seed % 20] / 127.5 - 1
                            for seed in seeds])


def test_training_clips_are_copies_and_other_clips_are_not(copies_are_left_out, training):
    assert all(copies_are_left_out(clip[0].numpy()) for clip in training.clips)
    noisy = training.clips + torch.randint(0, 6, training.clips.shape, dtype=torch.uint8)
    assert all(copies_are_left_out(clip[0].numpy()) for clip in noisy.clamp(max=255))
    others = clips(40, 3, 'new').clips
    assert sum(bool(copies_are_left_out(clip[0].numpy())) for clip in others) <= 2
    assert copies_are_left_out(training.clips[0, 0].numpy())           # the reason


def test_a_generator_that_copies_fills_a_store_with_its_own_clips_alone(
        copies_are_left_out, tmp_path):
    rows = ['path,label,group']
    for number in range(12):
        np.save(tmp_path / f'{number}.npy', np.full((1, 16, 16), number, np.uint8))
        rows.append(f'{number}.npy,a,g{number}')
    (tmp_path / 'stills.csv').write_text('\n'.join(row.replace('.npy', '.png') for row in rows))
    import cv2
    for number in range(12):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.full((16, 16), number, np.uint8))
    generator = Copies(16, 8)
    generator.package_sha256 = 'ab' * 32
    stills = read_annotations(tmp_path / 'stills.csv')
    made = synthesize(generator, stills, tmp_path / 'store', progress=False,
                      keep=copies_are_left_out)
    manifest = read_manifest(tmp_path / 'store')
    assert 0 < made.clips < 12 and made.clips + len(made.left_out) == 12
    assert all(row['seed'] % 2 == 0 for row in manifest.rows)
    plan = read_plan(tmp_path / 'store/plan.json')
    assert plan['max_likeness'] == 2 and len(plan['left_out']) == len(made.left_out)
    with pytest.raises(ValueError, match='max_likeness'):
        synthesize(generator, stills, tmp_path / 'store', progress=False)


@pytest.mark.parametrize('most', [0, -1, float('inf'), float('nan')])
def test_a_limit_that_limits_nothing_is_refused(training, most):
    with pytest.raises(ValueError, match='max_likeness'):
        LikenessFilter(training, clips(3, 1, 'test'), most)


def test_held_out_clips_of_training_groups_are_refused(training):
    with pytest.raises(ValueError, match='20 groups'):
        LikenessFilter(training, clips(20, 1, 'train'), 2)
