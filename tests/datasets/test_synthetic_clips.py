from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import RepeatDataset
from torch.utils.data import ConcatDataset, Subset

from lddm_aug.datasets.leaves import info_of, label_infos, labels_of
from lddm_aug.datasets.shared_files import SourceFiles
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.store.manifest import read_manifest

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
    stills = {(row['still'], row['still_frame']): row['still_sha256']
              for row in read_manifest(store).rows}
    clips = SyntheticClipDataset(store, CLASSES)
    infos = [clips.get_data_info(index) for index in range(len(clips))]
    assert {(info['still_file'], info['still_frame']): info['still_sha256']
            for info in infos} == stills and stills
    files = {Path(file).resolve() for file, _ in stills}
    assert files <= SourceFiles.of(clips).paths
    part = SourceFiles.of(Subset(clips, [0])).paths                  # that of its own sample alone
    assert part & files == {Path(infos[0]['still_file']).resolve()}


def test_a_label_outside_the_classes_is_refused(store: str):
    with pytest.raises(ValueError, match=r"manifest\.arrow: .*'malignant', .*benign, normal"):
        SyntheticClipDataset(store, ['benign', 'normal'])


def test_an_empty_or_missing_manifest_is_refused(store: str, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        SyntheticClipDataset(str(tmp_path / 'nowhere'), CLASSES)
    (Path(store) / 'manifest.arrow').write_text('')
    with pytest.raises(ValueError, match=r'manifest\.arrow .*empty'):
        SyntheticClipDataset(store, CLASSES)


def shard(store: str) -> Path:
    return Path(store) / 'clips/shard-00000.npy'


def test_missing_clips_are_named(store: str):
    shard(store).unlink()
    with pytest.raises(FileNotFoundError, match=shard(store).name):
        SyntheticClipDataset(store, CLASSES)


@pytest.mark.parametrize('number', range(5))
def test_verifying_finds_a_clip_that_was_changed(store: str, number: int):
    assert len(SyntheticClipDataset(store, CLASSES, verify=True)) == 5
    clips = np.load(shard(store))
    clips[number, 15, 15, 15] ^= 1
    np.save(shard(store), clips)
    SyntheticClipDataset(store, CLASSES)
    clip_id = read_manifest(store).rows[number]['clip_id']
    with pytest.raises(ValueError, match=f'clip {clip_id} in .*{shard(store).name} was changed'):
        SyntheticClipDataset(store, CLASSES, verify=True)


def test_clips_that_were_cut_off_are_named_before_training(store: str):
    shard(store).write_bytes(shard(store).read_bytes()[:300])
    with pytest.raises(ValueError, match=f'{shard(store).name} cannot be read'):
        SyntheticClipDataset(store, CLASSES)


def test_clips_that_are_cut_off_while_training_reads_them_are_named(store: str):
    dataset = SyntheticClipDataset(store, CLASSES, pipeline=[dict(type='ReadVideo', channels=1)])
    shard(store).write_bytes(shard(store).read_bytes()[:300])
    with pytest.raises(ValueError, match=f'{shard(store).name} is cut off'):
        dataset[4]


def test_a_part_of_the_samples_is_read_like_the_whole(store: str):
    whole = SyntheticClipDataset(store, CLASSES)
    for indices in (2, -2, [3, 1]):
        part = SyntheticClipDataset(store, CLASSES, indices=indices)
        numbers = [*range(5)][:2] if indices == 2 else [3, 4] if indices == -2 else indices
        assert [part.get_data_info(i)['clip_id'] for i in range(len(part))] == [
            whole.get_data_info(i)['clip_id'] for i in numbers]
        assert part.labels.tolist() == [whole.labels[i] for i in numbers]
        assert part.groups == {whole.get_data_info(i)['group'] for i in numbers} | {'trained-on'}
        np.testing.assert_array_equal(part.pipeline_input(0)['array'],
                                      whole.pipeline_input(numbers[0])['array'])


def test_labels_come_from_the_column_through_wrappers(store: str):
    clips = SyntheticClipDataset(store, CLASSES)
    for dataset in (clips, Subset(clips, [4, 0]), ConcatDataset([clips, clips]),
                    RepeatDataset(clips, 2), Subset(ConcatDataset([clips, clips]), [9, 1])):
        infos = [info_of(dataset, index) for index in range(len(dataset))]
        assert labels_of(dataset).tolist() == [info['label'] for info in infos]
        assert {info['label'] for info in label_infos(dataset)} == {
            info['label'] for info in infos}


def test_a_data_set_that_is_sent_to_a_process_reads_the_same(store: str):
    clips = SyntheticClipDataset(store, CLASSES, pipeline=[dict(type='ReadVideo', channels=1)])
    sent = pickle.dumps(clips)
    assert b'still-benign' not in sent                               # no row of the store
    for one, other in zip(clips, pickle.loads(sent), strict=True):
        assert one['clip_id'] == other['clip_id']
        np.testing.assert_array_equal(one['array'], other['array'])


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
