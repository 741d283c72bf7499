from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import Subset

from lddm_aug.datasets.shared_files import SourceFiles
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset

CLASSES = ('benign', 'malignant')


def test_clips_come_back_as_they_were_made(store: str):
    dataset = SyntheticClipDataset(store, CLASSES, pipeline=[dict(type='ReadVideo', channels=1)])
    assert [sample['label'] for sample in dataset] == [0, 0, 0, 1, 1]
    for number, sample in enumerate(dataset):
        np.testing.assert_array_equal(sample['array'], np.full((16, 16, 16), number))
        assert sample['origin'] == 'synthetic'
        assert (sample['frame_stride'], sample['total_frames']) == (3, 16)


def test_groups_are_those_of_the_stills_and_of_the_generators_training(store: str):
    assert SyntheticClipDataset(store, CLASSES).groups == {
        'still-benign0', 'still-benign1', 'still-benign2', 'still-malignant0', 'still-malignant1',
        'trained-on'}


def test_a_clip_is_known_by_the_content_of_its_still(store: str):
    rows = [json.loads(line) for line in (Path(store) / 'manifest.jsonl').read_text().splitlines()]
    stills = {(row['still'], row['still_frame']): row['still_sha256'] for row in rows
              if 'still' in row}
    clips = SyntheticClipDataset(store, CLASSES)
    infos = [clips.get_data_info(index) for index in range(len(clips))]
    assert {(info['still_file'], info['still_frame']): info['still_sha256']
            for info in infos} == stills and stills
    files = {Path(file).resolve() for file, _ in stills}
    assert files <= SourceFiles.of(clips).paths
    part = SourceFiles.of(Subset(clips, [0])).paths                  # that of its own sample alone
    assert part & files == {Path(infos[0]['still_file']).resolve()}


def test_a_label_outside_the_classes_is_refused(store: str):
    with pytest.raises(ValueError, match=r"manifest\.jsonl: .*'malignant', .*benign, normal"):
        SyntheticClipDataset(store, ['benign', 'normal'])


def test_an_empty_or_missing_manifest_is_refused(store: str, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        SyntheticClipDataset(str(tmp_path / 'nowhere'), CLASSES)
    (Path(store) / 'manifest.jsonl').write_text('')
    with pytest.raises(ValueError, match=r'manifest\.jsonl .*empty'):
        SyntheticClipDataset(store, CLASSES)


def first_clip(store: str) -> Path:
    row = json.loads((Path(store) / 'manifest.jsonl').read_text().splitlines()[0])
    return Path(store) / row['path']


def test_a_missing_clip_is_named(store: str):
    first_clip(store).unlink()
    with pytest.raises(FileNotFoundError, match=first_clip(store).name):
        SyntheticClipDataset(store, CLASSES)


def test_verifying_finds_a_clip_that_was_changed(store: str):
    assert len(SyntheticClipDataset(store, CLASSES, verify=True)) == 5
    np.save(first_clip(store), np.ones((16, 16, 16), np.uint8))
    SyntheticClipDataset(store, CLASSES)
    with pytest.raises(ValueError, match=f'{first_clip(store).name} was changed'):
        SyntheticClipDataset(store, CLASSES, verify=True)


def test_a_clip_that_was_cut_off_is_named_before_training(store: str):
    first_clip(store).write_bytes(first_clip(store).read_bytes()[:300])
    with pytest.raises(ValueError, match=f'{first_clip(store).name} cannot be read'):
        SyntheticClipDataset(store, CLASSES)


def test_only_the_clips_on_the_list_are_kept(store: str, tmp_path: Path):
    ids = [info['clip_id'] for info in map(SyntheticClipDataset(store).get_data_info, range(5))]
    (tmp_path / 'keep.json').write_text(json.dumps([ids[3], ids[0]]))
    kept = SyntheticClipDataset(store, keep=str(tmp_path / 'keep.json'))
    assert [kept.get_data_info(index)['clip_id'] for index in range(len(kept))] == [ids[0], ids[3]]
    assert kept.metainfo['classes'] == CLASSES       # those of the store, whatever is kept


def test_a_list_that_keeps_no_clip_is_refused(store: str, tmp_path: Path):
    (tmp_path / 'keep.json').write_text('["of another store"]')
    with pytest.raises(ValueError, match=r'keep\.json: .*none of the 5 clips'):
        SyntheticClipDataset(store, keep=str(tmp_path / 'keep.json'))


@pytest.mark.parametrize('text', ['7', '{"a": 1}', '[1]', '[["a"]]', 'null', '[', '[' * 10 ** 5])
def test_a_list_to_keep_of_another_form_is_named(store: str, tmp_path: Path, text: str):
    (tmp_path / 'keep.json').write_text(text)
    with pytest.raises(ValueError, match=r'keep\.json (is|must hold)'):
        SyntheticClipDataset(store, keep=str(tmp_path / 'keep.json'))
