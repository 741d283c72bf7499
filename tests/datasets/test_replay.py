"""A clip from a worker and one whose transforms were recorded there and applied afterwards."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope

from lddm_aug.configs import choose, part_names, read_config
from lddm_aug.data.annotations import read_annotations
from lddm_aug.datasets import StillDataset, SyntheticClipDataset
from lddm_aug.datasets.replay import RECORDERS
from lddm_aug.datasets.transforms import DeferSynthesis
from lddm_aug.files import sha256_of
from lddm_aug.generators import RandomWarp, RepeatStill, load_package, save_package
from lddm_aug.seeds import seeded
from lddm_aug.synthesis.plan import plan_clips
from lddm_aug.synthesis.synthesize import synthesize

init_default_scope('mmaction')
SEGMENT = [dict(type='SampleSegment', num_frames=8), dict(type='ArrayDecode')]
CROP = dict(type='RandomResizedCrop', area_range=(0.5, 1.0), aspect_ratio_range=(0.8, 1.2))
FLIP = dict(type='Flip', flip_ratio=0.5)
JITTER = dict(type='ColorJitter', brightness=0.4, contrast=0.3, saturation=0.2, hue=0)
RESIZE = dict(type='Resize', scale=(40, 36), keep_ratio=False)
FRAMES, CLIPS = (dict(type='FormatShape', input_format=form) for form in ('NCHW', 'NCTHW'))
PACK = dict(type='PackActionInputs', meta_keys=('img_shape', 'flip', 'seed'))
PIPELINES = {
    'crop, flip, resize': [*SEGMENT, CROP, FLIP, RESIZE, CLIPS],
    'flip both ways, crop after resize': [
        *SEGMENT, RESIZE, dict(FLIP, direction='vertical'), FLIP, dict(type='RandomCrop', size=30),
        FRAMES],
    'crop twice': [*SEGMENT, CROP, dict(type='CenterCrop', crop_size=10), RESIZE, FRAMES],
    'scales': [
        dict(type='SampleFrames', clip_len=1, num_clips=4), dict(type='ArrayDecode'),
        dict(type='MultiScaleCrop', input_size=12, scales=(1, 0.8, 0.7), num_fixed_crops=13),
        dict(type='Resize', scale=(24, 24), keep_ratio=False), FLIP, FRAMES],
    'rescale': [
        dict(type='SampleFrames', clip_len=3, frame_interval=2), dict(type='ArrayDecode'),
        dict(type='RandomRescale', scale_range=(20, 24)), dict(type='CenterCrop', crop_size=18),
        dict(CLIPS, collapse=True)],
    'several clips': [
        dict(type='SampleFrames', clip_len=4, num_clips=2), dict(type='ArrayDecode'), RESIZE,
        CLIPS],
    'dense': [dict(type='DenseSampleFrames', clip_len=1, num_clips=4, sample_range=8),
              dict(type='ArrayDecode'), RESIZE, FRAMES],
    'uniform': [dict(type='UniformSample', clip_len=4), dict(type='ArrayDecode'), RESIZE, CLIPS],
    'jitter': [*SEGMENT, FLIP, RESIZE, JITTER, FRAMES],
    'jitter before resize': [*SEGMENT, CROP, JITTER, RESIZE, FRAMES],
    'differences': [*SEGMENT, CROP, RESIZE,
                    dict(type='FrameDifferences', gain=4., channels=(1, 2)), FRAMES],
    'windows': [*SEGMENT, RESIZE, dict(type='TakeWindows', num_windows=3, window_length=5), FRAMES],
    'soft labels': [*SEGMENT, RESIZE, dict(type='SoftenLabel', num_classes=2), FRAMES],
    'playback rate': [dict(type='SamplePlaybackRate', num_frames=2), dict(type='ArrayDecode'),
                      RESIZE, CLIPS]}


@pytest.fixture
def package(tmp_path: Path, tiny_conditional_lddm) -> str:
    save_package(tmp_path / 'package', tiny_conditional_lddm, ())
    return str(tmp_path / 'package')


@pytest.fixture
def table(tmp_path: Path, write_table) -> str:
    """Of three stills of noise."""
    pixels = np.random.default_rng(0)
    for number in range(3):
        cv2.imwrite(str(tmp_path / f's{number}.png'), pixels.integers(0, 256, (16, 16), np.uint8))
    return write_table(tmp_path / 'noise.csv', [
        (f's{number}.png', ('benign', 'malignant')[number % 2], f'q{number}')
        for number in range(3)])


def stills(table: str, *made: dict[str, Any], size: int = 16) -> StillDataset:
    return StillDataset(table, pipeline=[dict(type='LoadStill', size=size), *made])


def in_the_worker(table: str, package: str, pipeline: list, **still: Any) -> StillDataset:
    return stills(table, dict(type='SynthesizeClip', package=package), *pipeline, **still)


def on_the_device(table: str, package: str, pipeline: list, **options: Any) -> StillDataset:
    size = options.pop('size', 16)
    return stills(table, dict(type='DeferSynthesis', package=package, pipeline=pipeline,
                              **options), size=size)


def seen(samples: list[dict[str, Any]], form: str = 'NCHW') -> dict[str, Any]:
    """What a recognizer gets of a training batch, in grey levels."""
    preprocessor = MODELS.build(dict(type='LDDMDataPreprocessor', format_shape=form, mean=[0.] * 3,
                                     std=[1.] * 3))
    return preprocessor(pseudo_collate(samples), training=True)


def assert_same(ours: dict[str, Any], theirs: dict[str, Any], levels: float = 2.) -> None:
    """Grey levels of 255, labels and all that is noted of the samples."""
    assert ours['inputs'].dtype == theirs['inputs'].dtype == torch.float32
    torch.testing.assert_close(ours['inputs'], theirs['inputs'], atol=levels, rtol=0)
    for one, other in zip(ours['data_samples'], theirs['data_samples'], strict=True):
        assert one.metainfo == other.metainfo
        for name in ('gt_label', 'gt_score'):
            if name in other:
                assert (one.get(name) == other.get(name)).all()


@pytest.mark.parametrize('name', PIPELINES)
def test_a_recognizer_sees_what_it_sees_of_clips_that_a_worker_made(name: str, table: str,
                                                                    package: str):
    pipeline = [*PIPELINES[name], PACK]
    form = 'NCTHW' if CLIPS in pipeline else 'NCHW'
    with seeded(3):                                  # ColorJitter draws its order when it is built
        theirs = in_the_worker(table, package, pipeline)
    with seeded(3):
        ours = on_the_device(table, package, pipeline)
    # the size of a frame is the same for all seeds but where it is random
    seeds = [7] * 6 if name == 'rescale' else range(6)
    samples = [[dataset.draw(number % 3, seed) for number, seed in enumerate(seeds)]
               for dataset in (ours, theirs)]

    made, expected = (seen(each, form) for each in samples)

    assert_same(made, expected)
    assert expected['inputs'].std() > 1


@pytest.mark.parametrize('data', ['phantom', 'covid_blues'])
@pytest.mark.parametrize('recognizer', part_names('models'))
def test_every_config_of_ours_shows_the_same_from_the_worker_and_the_device(
        recognizer: str, data: str, table: str, tmp_path: Path):
    save_package(tmp_path / 'warp', RandomWarp(size=32, amplitude=4), ())
    batches = []
    for training_set in ('lddm_online', 'lddm_device'):
        config = read_config('recognizer', choose(data, recognizer=recognizer,
                                                  training_set=training_set))
        if recognizer == 'r3d':                      # as the refusal says: it measures, unchanged
            config.model.data_preprocessor.type = 'LDDMDataPreprocessor'
        synthetic = config.train_dataloader.dataset.synthetic
        synthetic.ann_file, synthetic.classes = table, ('benign', 'malignant')
        synthetic.pipeline[0].size, synthetic.pipeline[1].package = 32, str(tmp_path / 'warp')
        with seeded(0):
            dataset = StillDataset(**{key: value for key, value in synthetic.to_dict().items()
                                      if key != 'type'})
        preprocessor = MODELS.build(config.model.data_preprocessor)
        batches.append(preprocessor(pseudo_collate([dataset.draw(0, seed) for seed in (1, 2)]),
                                    training=True))
    worker, device = batches
    spread = getattr(preprocessor, 'std', torch.tensor(1.)).max()
    assert_same(device, worker, float(2 / spread) if spread > 1 else 2)


def test_the_first_latents_of_a_bank_are_those_of_a_store(tmp_path: Path, table: str,
                                                          package: str):
    """With the same seed and as many clips per still; so store, worker and device meet."""
    rows = read_annotations(table)
    synthesize(load_package(package), rows, tmp_path / 'store', per_still=3, seed=5, progress=False)
    pipeline = [*PIPELINES['crop, flip, resize'], PACK]
    stored = SyntheticClipDataset(str(tmp_path / 'store'),
                                  pipeline=[dict(type='ReadVideo'), *pipeline])
    kept = on_the_device(table, package, pipeline, latents_per_still=3, seed=5)
    drawn = [(clip, 3 * visit + clip % 3) for clip in range(9) for visit in range(2)]

    theirs = seen([stored.draw(clip, seed) for clip, seed in drawn], 'NCTHW')
    ours = seen([kept.draw(clip // 3, seed) for clip, seed in drawn], 'NCTHW')

    assert_same(ours, theirs)
    assert len({clip.numpy().tobytes() for clip in ours['inputs']}) == 18


def test_what_a_still_gives_in_the_worker_is_in_a_store_of_that_seed(tmp_path: Path, table: str,
                                                                     package: str):
    rows = read_annotations(table)
    synthesize(load_package(package), rows, tmp_path / 'store', seed=2, progress=False)
    pipeline = [*PIPELINES['jitter'], PACK]
    with seeded(0):
        stored = SyntheticClipDataset(str(tmp_path / 'store'),
                                      pipeline=[dict(type='ReadVideo'), *pipeline])
    with seeded(0):
        ours = on_the_device(table, package, pipeline)
    plan = plan_clips(rows, {row.path: sha256_of(row.path) for row in rows}, seed=2)
    for number, request in enumerate(plan):
        clips = [dataset.draw(number, request.seed) for dataset in (ours, stored)]
        assert_same(*(seen([clip]) for clip in clips))


# ── refusals ──

@pytest.fixture
def held(tmp_path: Path) -> str:
    """A package that takes no time to load."""
    save_package(tmp_path / 'held', RepeatStill(size=16), ())
    return str(tmp_path / 'held')


@pytest.mark.parametrize('changed, name', [
    (dict(type='RandomErasing'), 'RandomErasing cannot be applied'),
    (dict(type='ThreeCrop', crop_size=8), 'ThreeCrop cannot be applied'),
    (dict(type='FlipClip'), 'FlipClip cannot be applied'),
    (dict(type='Resize', scale=(8, 8), lazy=True), r'Resize .*lazy=False alone, but got True'),
    (dict(type='Resize', scale=(8, 8), interpolation='bicubic'), "interpolation.*'bicubic'"),
    (dict(type='ColorJitter', hue=0.1), r'ColorJitter .*hue=\(0, 0\) alone'),
    (dict(type='FormatShape', input_format='NPTCHW'), "input_format.*'NPTCHW'")])
def test_a_transform_that_cannot_be_applied_is_refused_by_name_when_it_is_built(
        changed: dict, name: str, held: str):
    with pytest.raises(ValueError, match=f'DeferSynthesis: .*{name}'):
        DeferSynthesis(held, [*SEGMENT, changed, FRAMES, PACK])


@pytest.mark.parametrize('pipeline, message', [
    ([*SEGMENT, FRAMES], r'ends in PackActionInputs .*got FormatShape'),
    ([], 'ends in PackActionInputs .*got None'),
    ([*SEGMENT, FRAMES, dict(type='PackActionInputs', collect_keys=('imgs',))], 'collect_keys'),
    ([SEGMENT[0], FRAMES, PACK], 'needs ArrayDecode, but has SampleSegment, FormatShape'),
    ([*SEGMENT, PACK], 'needs FormatShape'),
    ([*SEGMENT, dict(type='FrameDifferences'), RESIZE, FRAMES, PACK], 'Resize before FrameDiff')])
def test_a_pipeline_that_makes_no_clip_is_refused_when_it_is_built(pipeline: list, message: str,
                                                                   held: str):
    with pytest.raises(ValueError, match=f'DeferSynthesis: .*{message}'):
        DeferSynthesis(held, pipeline)


def test_frames_beyond_the_clip_are_refused_and_not_taken_from_the_next_one(table: str,
                                                                            held: str):
    late = dict(type='SampleFrames', clip_len=4, temporal_jitter=True, frame_interval=2,
                out_of_bound_opt='loop')
    dataset = on_the_device(table, held, [late, SEGMENT[1], RESIZE, FRAMES, PACK])
    dataset.pipeline.transforms[1].transforms[0].transform = lambda results: results.update(
        frame_inds=np.array([16]), clip_len=1, num_clips=1)
    with pytest.raises(ValueError, match=r'from 0 to 15, but \[16\]'):
        dataset[0]


def test_every_transform_that_is_recorded_is_compared_above():
    used = {step['type'] for pipeline in PIPELINES.values() for step in pipeline}
    assert {kind.__name__ for kind in RECORDERS} == used
