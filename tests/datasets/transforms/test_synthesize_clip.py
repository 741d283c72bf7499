from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmaction.datasets.transforms import ArrayDecode, SampleFrames

from lddm_aug.data.annotations import Annotation
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.datasets.transforms.sample_segment import SampleSegment
from lddm_aug.datasets.transforms.synthesize_clip import SynthesizeClip
from lddm_aug.functional.pixels import clip_to_uint8, still_to_unit
from lddm_aug.generators.lddm import LDDMGenerator
from lddm_aug.generators.package import save_package
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.store.manifest import read_manifest
from lddm_aug.synthesis.synthesize import synthesize


@pytest.fixture
def still() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)


@pytest.fixture
def package(tmp_path: Path, tiny_lddm: LDDMGenerator) -> str:
    save_package(tmp_path / 'package', tiny_lddm, ['g'])
    return str(tmp_path / 'package')


def test_on_the_fly_and_offline_synthesis_make_the_same_clip(tmp_path: Path, package: str,
                                                             tiny_lddm, still: np.ndarray):
    np.save(tmp_path / 'still.npy', still[None])
    row = Annotation(tmp_path / 'still.npy', 'benign', 'g', 0, None, 0)
    synthesize(tiny_lddm, [row], tmp_path / 'store', progress=False)
    manifest = read_manifest(tmp_path / 'store')
    row, offline = manifest.rows[0], manifest.read_clip(0)
    results = SynthesizeClip(package)(dict(still=still, seed=row['seed']))
    np.testing.assert_array_equal(results['array'], np.stack([offline] * 3, axis=-1))
    assert results['total_frames'] == len(offline) == 8
    assert (results['start_index'], results['frame_stride']) == (0, row['frame_stride'])


def test_another_seed_makes_another_clip_and_the_same_the_same(package: str, still: np.ndarray):
    clips = [SynthesizeClip(package)(dict(still=still, seed=seed))['array'] for seed in (1, 1, 2)]
    np.testing.assert_array_equal(clips[0], clips[1])
    assert (clips[0] != clips[2]).any()


def test_a_conditional_generator_gets_the_class_of_the_sample(
        tmp_path: Path, tiny_conditional_lddm, still: np.ndarray):
    save_package(tmp_path / 'package', tiny_conditional_lddm, ['g'])
    transform = SynthesizeClip(str(tmp_path / 'package'))
    told = [dict(label='benign'), dict(label='malignant'), {}]
    clips = [transform(dict(still=still, seed=1, conditions=each))['array'] for each in told]
    expected = [clip_to_uint8(tiny_conditional_lddm(still_to_unit(still)[None], [1], [each])[0])
                for each in told]
    for clip, reference in zip(clips, expected, strict=True):
        np.testing.assert_array_equal(clip[..., 0], reference)
    assert (clips[0] != clips[1]).any() and (clips[0] != clips[2]).any()


@pytest.mark.parametrize('sample', [SampleSegment(num_frames=4),
                                    SampleFrames(clip_len=4, frame_interval=2)])
def test_mmaction2s_transforms_go_on_from_there(package: str, still: np.ndarray, sample):
    results = SynthesizeClip(package)(dict(still=still, seed=1, modality='RGB'))
    images = ArrayDecode()(sample(results))['imgs']
    assert np.shape(images) == (4, 16, 16, 3)


def test_a_colour_generator_gives_the_stills_colours(tmp_path: Path):
    save_package(tmp_path / 'colour', RepeatStill(size=16, channels=3), [])
    still = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    array = SynthesizeClip(str(tmp_path / 'colour'))(dict(still=still, seed=0))['array']
    np.testing.assert_array_equal(array, np.stack([still] * 16))


@pytest.mark.parametrize('shape', [(32, 32), (16, 16, 3), (16, 20)])
def test_a_still_of_another_size_or_colour_mode_is_refused(package: str, shape):
    results = dict(still=np.zeros(shape, np.uint8), seed=1, filename='benign (1).png')
    with pytest.raises(ValueError, match=r'\(16, 16\), but benign \(1\)\.png '
                                         r'.*LoadStill\(size=16, channels=1\)'):
        SynthesizeClip(package)(results)


def test_a_missing_package_is_named(tmp_path: Path, still: np.ndarray):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        SynthesizeClip(str(tmp_path / 'nowhere'))(dict(still=still, seed=1))


def test_a_longer_clip_feeds_what_samples_32_frames_on_the_fly_and_from_a_store(
        tmp_path: Path, package: str, tiny_lddm, still: np.ndarray):
    np.save(tmp_path / 'still.npy', still[None])
    row = Annotation(tmp_path / 'still.npy', 'benign', 'g', 0, None, 0)
    synthesize(tiny_lddm.with_length(32), [row], tmp_path / 'store', progress=False)
    stored = SyntheticClipDataset(str(tmp_path / 'store'), pipeline=[
        SampleSegment(32, segment_length=96), ArrayDecode()], test_mode=True)[0]
    seed = read_manifest(tmp_path / 'store').rows[0]['seed']
    made = SynthesizeClip(package, num_frames=32)(dict(still=still, seed=seed))
    assert made['total_frames'] == 32 and made['frame_stride'] == 3
    fed = ArrayDecode()(SampleSegment(32, segment_length=96, test_mode=True)(dict(
        made, modality='RGB')))
    assert len(fed['imgs']) == 32
    np.testing.assert_array_equal(np.stack(fed['imgs'])[..., 0],
                                  np.stack(stored['imgs']).reshape(32, 16, 16, -1)[..., 0])
    with pytest.raises(ValueError, match='num_frames=32 cannot be sampled'):
        SampleSegment(32, segment_length=96)(SynthesizeClip(package)(dict(still=still, seed=1)))
