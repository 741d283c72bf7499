from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lddm_aug.datasets.transforms.sample_segment import SampleSegment
from lddm_aug.datasets.video_clips import VideoClipDataset


def test_a_sample_says_what_the_pipeline_needs(videos: str, tmp_path: Path):
    sample = VideoClipDataset(videos)[0]
    seed = sample.pop('seed')
    assert 0 <= seed < 2**63
    assert sample == dict(filename=str(tmp_path.resolve() / 'a (1).mp4'), label=0, group='p1',
                          conditions=dict(label='benign'), origin='real', frame_stride=1,
                          start_index=0, modality='RGB', sample_idx=0)


def test_every_form_of_video_is_listed_and_read(videos: str):
    dataset = VideoClipDataset(videos, pipeline=[dict(type='ReadVideo', size=16)])
    assert [sample['total_frames'] for sample in dataset] == [20, 48, 60, 18]
    assert [dataset.get_cat_ids(index) for index in range(4)] == [[0], [0], [1], [1]]


def test_a_split_keeps_its_rows_and_the_classes_of_the_whole_table(videos: str):
    train, test = (VideoClipDataset(videos, split=split) for split in ('train', 'test'))
    assert (train.groups, test.groups) == ({'p1', 'p2', 'p3'}, {'p4'})
    assert train.metainfo == test.metainfo == dict(classes=('benign', 'malignant'))
    assert test[0]['label'] == 1
    with pytest.raises(ValueError, match=r"videos\.csv: .*'val'; .*test, train"):
        VideoClipDataset(videos, split='val')


def test_labels_count_in_the_given_order_of_classes(videos: str):
    dataset = VideoClipDataset(videos, classes=['malignant', 'benign'])
    assert dataset.metainfo['classes'] == ('malignant', 'benign')
    assert [sample['label'] for sample in dataset] == [1, 1, 0, 0]
    with pytest.raises(ValueError, match=r"videos\.csv line 4: label .*benign, .*'malignant'"):
        VideoClipDataset(videos, classes=['benign'])


@pytest.fixture
def bad_videos(tmp_path: Path, write_table, grey_levels) -> str:
    np.save(tmp_path / 'good.npy', grey_levels(16))
    np.save(tmp_path / 'short.npy', grey_levels(15))
    (tmp_path / 'empty.mp4').touch()
    (tmp_path / 'text.mp4').write_text('not a video')
    return write_table(tmp_path / 'bad.csv', [
        (name, 'benign', name) for name in ('good.npy', 'short.npy', 'empty.mp4', 'text.mp4')])


def test_all_videos_that_cannot_be_used_are_named_at_once(bad_videos: str):
    with pytest.raises(ValueError, match=r'bad\.csv: 3 rows ') as raised:
        VideoClipDataset(bad_videos)
    header, short, empty, text, advice = str(raised.value).splitlines()
    assert header.partition('bad.csv: ')[2].startswith('3 rows ')
    assert short.startswith('  line 3: ')
    assert short.endswith('short.npy has 15 frames, fewer than min_frames=16')
    assert empty.endswith('empty.mp4 is empty: it has 0 bytes')
    assert text.endswith('text.mp4 cannot be read as a video; is it cut off or damaged?')
    assert "on_bad='skip'" in advice


def test_videos_that_cannot_be_used_are_skipped_on_request(bad_videos: str):
    assert VideoClipDataset(bad_videos, on_bad='skip').groups == {'good.npy'}
    assert VideoClipDataset(bad_videos, on_bad='skip', min_frames=15).groups == {
        'good.npy', 'short.npy'}


def test_a_segment_longer_than_a_video_is_refused_when_the_data_set_is_built(bad_videos: str):
    pipeline = [dict(type='ReadVideo'), dict(type='SampleSegment', num_frames=17)]
    with pytest.raises(ValueError, match=r'good\.npy .*16 frames, .*num_frames=17'):
        VideoClipDataset(bad_videos, pipeline)
    built = VideoClipDataset(bad_videos, pipeline[:1], on_bad='skip').pipeline.transforms
    with pytest.raises(ValueError, match=r'good\.npy .*16 frames, .*num_frames=17'):
        VideoClipDataset(bad_videos, pipeline=[*built, SampleSegment(17)])


def test_mmengines_subsets_keep_their_groups(videos: str):
    assert VideoClipDataset(videos).get_subset([1, 3]).groups == {'p2', 'p4'}
    assert VideoClipDataset(videos, indices=1).groups == {'p1'}


def test_videos_of_two_frame_rates_give_clips_of_one_playback_rate(
        tmp_path: Path, write_table, grey_levels):
    np.save(tmp_path / 'slow.npy', grey_levels(48))
    np.save(tmp_path / 'fast.npy', grey_levels(96))                  # the same second, 50 fps
    table = write_table(tmp_path / 'videos.csv', [
        ('slow.npy', 'benign', 'p1', 25), ('fast.npy', 'benign', 'p2', 50)],
        columns=('path', 'label', 'group', 'fps'))
    dataset = VideoClipDataset(table, reference_fps=25, pipeline=[
        dict(type='ReadVideo'), dict(type='SampleSegment', num_frames=16, test_mode=True)])
    slow, fast = (dataset[index]['frame_inds'] for index in (0, 1))
    assert (np.diff(slow) / 25).tolist() == (np.diff(fast) / 50).tolist() == [3 / 25] * 15
    by_frames = VideoClipDataset(table, pipeline=dataset.pipeline.transforms)
    assert np.diff(by_frames[1]['frame_inds']).tolist() == [3] * 15


def test_a_reference_rate_needs_the_videos_rates(videos: str):
    with pytest.raises(ValueError, match=r'fps .*reference_fps'):
        VideoClipDataset(videos, reference_fps=25)
    with pytest.raises(ValueError, match=r'reference_fps .*got 0'):
        VideoClipDataset(videos, reference_fps=0)
