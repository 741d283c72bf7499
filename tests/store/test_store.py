from __future__ import annotations

import hashlib
import io
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.files import sha256_of
from lddm_aug.store.manifest import MANIFEST, ROW_KEYS, read_manifest
from lddm_aug.store.rows import SCHEMA, make_table, plain_type, write_table
from lddm_aug.store.shards import ClipShards, clip_sha256
from lddm_aug.store.writer import StoreWriter

SHAPE = [4, 8, 8]
PLAN = {'package_sha256': 'ab', 'generator_groups': ['p9'], 'seed': 0, 'shape': SHAPE}
IDS = ['0-a-0', '1-b-0', '2-c-0']
SHARDS = ['clips/shard-00000.npy', 'clips/shard-00001.npy']          # of two clips and of one


def clip(place: int) -> np.ndarray:
    return np.full(SHAPE, place + 1, np.uint8)


def rows(count: int = 3, **other: object) -> pa.Table:
    """Rows as `synthesize` plans them; `other` replaces values."""
    row = {'still': '/a.png', 'still_sha256': 'cd', 'still_frame': None, 'group': 'p1',
           'label': 'benign', 'seed': 5, 'package_sha256': 'ab', 'generator': 'RepeatStill',
           'sampler': None, 'steps': None, 'guidance': None, 'frame_stride': 3,
           'versions': '{"torch": "1"}', 'conditions': '{"label": "a"}', **other}
    ids = IDS if count == 3 else [f'{number:05d}' for number in range(count)]
    return make_table({'clip_id': pa.array(ids), **{
        name: pa.array([value] * count, plain_type(name)) for name, value in row.items()}})


def write(folder: Path, places: list[int] | None = None, **other: object) -> StoreWriter:
    """A writer that has added clips; two are in a shard."""
    writer = StoreWriter(folder, PLAN, rows(**other), per_shard=2)
    writer.resume()
    for place in [2, 1, 0] if places is None else places:
        writer.add([place], [clip(place)])
    return writer


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write(tmp_path / 'store').finish()
    return tmp_path / 'store'


def made(folder: Path) -> list[int]:
    """Places of the clips that another run would not make again."""
    return StoreWriter(folder, PLAN, rows()).made.tolist()


def overwrite(folder: Path, table: pa.Table, with_digest: bool = True) -> None:
    """Put other rows into a store, as somebody would who corrects its digest as well."""
    with pa.ipc.new_file(folder / MANIFEST, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    if with_digest:
        edit_plan(folder, rows_sha256=sha256_of(folder / MANIFEST))


def edit_plan(folder: Path, **changes: object) -> None:
    plan = json.loads((folder / 'plan.json').read_text()) | changes
    (folder / 'plan.json').write_text(json.dumps(
        {key: value for key, value in plan.items() if value is not ...}))


def table_of(folder: Path) -> pa.Table:
    return pa.ipc.open_file((folder / MANIFEST).read_bytes()).read_all()


def test_what_was_kept_is_read_back_in_the_plans_order(store):
    manifest = read_manifest(store)
    assert [row['clip_id'] for row in manifest.rows] == IDS
    assert manifest.header['generator_groups'] == ['p9']
    assert set(manifest.rows[0]) == set(ROW_KEYS)
    assert manifest.rows[0]['shape'] == SHAPE and manifest.rows[0]['versions'] == {'torch': '1'}
    for number in range(3):
        assert (manifest.read_clip(number) == clip(number)).all()


def test_a_shard_is_an_array_that_numpy_reads(store):
    first, second = (np.load(store / name) for name in SHARDS)
    np.testing.assert_array_equal(first, [clip(0), clip(1)])
    np.testing.assert_array_equal(second, [clip(2)])


@pytest.mark.parametrize('shape', [(4, 8, 8), (3, 5, 7, 3), (16, 128, 128)])
def test_the_hash_of_a_clip_is_that_of_a_file_of_its_own(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    file = io.BytesIO()
    np.save(file, pixels)
    assert clip_sha256(pixels) == hashlib.sha256(file.getvalue()).digest()
    assert clip_sha256(pixels) != clip_sha256(pixels.reshape(-1, *shape[2:]))


def test_rows_are_read_by_number_slice_and_column(store):
    rows = read_manifest(store).rows
    assert rows[-1] == rows[2] and [row['clip_id'] for row in rows[::2]] == IDS[::2]
    assert rows[1:].take(np.array([1]))[0] == rows[2]
    assert rows[1:].column('clip_id').to_pylist() == IDS[1:]
    assert rows.values('group') == ['p1'] and rows.where('label', 'benign').tolist() == [0, 1, 2]
    assert rows.where('label', 'none').tolist() == []
    with pytest.raises(IndexError):
        rows[3]


def test_another_process_maps_the_rows_itself(store):
    rows = read_manifest(store).rows[1:]
    sent = pickle.dumps(rows)
    assert b'benign' not in sent and [*pickle.loads(sent)] == [*rows]


def test_equal_rows_are_equal_bytes_however_they_came_about(tmp_path):
    one = make_table({'clip_id': pa.array(['a', 'b']), 'label': pa.array(['y', 'x'])})
    other = pa.concat_tables([
        make_table({'clip_id': pa.array(['a']), 'label': pa.array(['y'])}),
        make_table({'clip_id': pa.array(['b', 'c']), 'label': pa.array(['x', 'z'])})])
    other = make_table(dict(zip(other.column_names, other.slice(0, 2).columns, strict=True)))
    contents = []
    for number, table in enumerate((one, other)):
        with (tmp_path / str(number)).open('wb') as file:
            write_table(table, file)
        contents.append((tmp_path / str(number)).read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize('key', ['clips', 'generator_groups', 'shape', 'clips_per_shard'])
def test_a_plan_that_lacks_a_key_is_refused(store, key):
    edit_plan(store, **{key: ...})
    with pytest.raises(ValueError, match=rf'plan\.json .*{key}'):
        read_manifest(store)


@pytest.mark.parametrize('changes', [
    {'shape': [0, 8, 8]}, {'shape': [8, 8]}, {'shape': [1 << 20] * 3}, {'clips_per_shard': 0},
    {'clips': -1}, {'clips': 10**12}, {'shape': []}], ids=str)
def test_a_plan_of_numbers_that_no_store_has_is_refused(store, changes):
    edit_plan(store, **changes)
    with pytest.raises(ValueError, match=rf'plan\.json.*{next(iter(changes))}'):
        read_manifest(store)


def test_a_finished_store_holds_nothing_temporary(store):
    assert sorted(path.relative_to(store).as_posix() for path in store.rglob('*')) == [
        'clips', *SHARDS, 'copy', 'copy/manifest.arrow', 'copy/plan.json', 'manifest.arrow',
        'plan.json']


def test_until_it_is_finished_there_is_no_manifest(tmp_path):
    write(tmp_path, [0])
    with pytest.raises(FileNotFoundError, match=r'manifest\.arrow .*unfinished'):
        read_manifest(tmp_path)


def test_it_is_not_finished_while_clips_are_missing(tmp_path):
    with pytest.raises(ValueError, match='lacks 2 clips'):
        write(tmp_path, [0]).finish()


def unfinished(store: Path) -> Path:
    """The partial records of a store whose manifest is lost."""
    write(store.parent / 'again')
    (store / MANIFEST).unlink()
    (store.parent / 'again/manifest.partial.jsonl').rename(store / 'manifest.partial.jsonl')
    return store / 'manifest.partial.jsonl'


def damage(store: Path, place: int) -> None:
    shards = read_manifest_shards(store)
    with shards.file(place).open('r+b') as file:
        file.seek(shards._offset(place) + 5)
        file.write(b'\xff')


def read_manifest_shards(store: Path) -> ClipShards:
    return ClipShards(store, tuple(SHAPE), 3, 2)


def test_reopened_it_has_the_clips_that_are_complete(store):
    partial = unfinished(store)
    damage(store, 1)
    with partial.open('a') as file:
        file.write('[2, "ab')
    assert made(store) == [0, 2]
    assert not StoreWriter(store, PLAN, rows()).finished


@pytest.mark.parametrize('cut', range(2, 60, 7))
def test_a_record_that_was_cut_off_costs_its_clip_alone(store, cut):
    partial = unfinished(store)
    partial.write_bytes(partial.read_bytes()[:-cut])
    assert made(store) == [1, 2]                         # they were added as 2, 1, 0


def test_a_record_that_says_other_versions_than_it_did_is_not_believed(store):
    partial = unfinished(store)
    assert made(store) == [0, 1, 2]
    partial.write_bytes(partial.read_bytes().replace(b'"1', b'"2'))
    assert made(store) == []


def test_a_finished_store_with_a_damaged_clip_is_unfinished_again(store):
    damage(store, 1)
    writer = StoreWriter(store, PLAN, rows())
    assert writer.finished and writer.missing.tolist() == [1]
    writer.resume()
    assert not writer.finished
    assert made(store) == [0, 2]


def test_clips_that_are_made_again_give_the_same_bytes(store):
    before = sha256_of(store)
    damage(store, 1)
    (store / SHARDS[1]).unlink()
    writer = StoreWriter(store, PLAN, rows())
    assert writer.missing.tolist() == [1, 2]
    writer.resume()
    writer.add([2, 1], [clip(2), clip(1)])
    writer.finish()
    assert sha256_of(store) == before


def test_a_clip_that_cannot_be_made_is_left_out(tmp_path):
    writer = write(tmp_path / 'store', [0, 2])
    writer.leave_out(1, 'b.png is empty')
    writer.finish()
    manifest = read_manifest(tmp_path / 'store')
    assert [row['clip_id'] for row in manifest.rows] == [IDS[0], IDS[2]]
    assert (manifest.read_clip(1) == clip(2)).all()
    (left_out,) = manifest.header['left_out']
    assert (left_out['clip_id'], left_out['reason']) == (IDS[1], 'b.png is empty')


def test_a_clip_of_another_form_is_refused(tmp_path):
    writer = write(tmp_path / 'store', [])
    for wrong in (np.zeros((4, 8, 9), np.uint8), np.zeros(SHAPE, np.float32)):
        with pytest.raises(ValueError, match=r'shape \(4, 8, 8\)'):
            writer.add([0], [wrong])
    assert made(tmp_path / 'store') == []


def test_another_plan_is_refused_and_named(store):
    with pytest.raises(ValueError, match=r'another plan \(its seed differ'):
        StoreWriter(store, {**PLAN, 'seed': 1}, rows())
    with pytest.raises(ValueError, match=r'another plan \(its stills differ'):
        StoreWriter(store, PLAN, rows(still_sha256='ce'))


def test_other_files_are_not_mixed_with_clips(tmp_path):
    (tmp_path / 'thesis.tex').touch()
    for place in (tmp_path, tmp_path / 'thesis.tex'):
        with pytest.raises(ValueError, match=r'exists and is no store'):
            StoreWriter(place, PLAN, rows())
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.tex']


def without_manifest(store):
    shutil.rmtree(store / 'copy')
    (store / MANIFEST).unlink()
    (store / 'plan.json').unlink()


def empty(store):
    (store / MANIFEST).write_text('')


def broken(store):
    (store / MANIFEST).write_bytes((store / MANIFEST).read_bytes()[:-20])
    edit_plan(store, rows_sha256=sha256_of(store / MANIFEST))


def of_other_bytes(store):
    (store / MANIFEST).write_bytes(b'\x93NUMPY\xfe\xff')
    edit_plan(store, rows_sha256=sha256_of(store / MANIFEST))


def too_short(store):
    overwrite(store, table_of(store).slice(0, 1))


def without_label(store):
    overwrite(store, table_of(store).rename_columns(
        [{'label': 'class'}.get(name, name) for name in SCHEMA.names]))


def blank_label(store):
    table = table_of(store)
    overwrite(store, replaced(table, 'label', pa.array([None, 'x', 'x']).dictionary_encode()))


def pointing_out(store):
    overwrite(store, replaced(table_of(store), 'place', pa.array([0, 1, 3])))


def without_plan(store):
    (store / 'plan.json').unlink()


def broken_plan(store):
    (store / 'plan.json').write_text('{')


def of_another_version(store):
    edit_plan(store, format_version=99)


def without_digest(store):
    edit_plan(store, rows_sha256=...)


def without_shard(store):
    (store / SHARDS[1]).unlink()


def with_short_shard(store):
    (store / SHARDS[1]).write_bytes((store / SHARDS[1]).read_bytes()[:-1])


def with_shard_of_another_type(store):
    np.save(store / SHARDS[1], clip(2)[None].view(np.int8))


def replaced(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.schema.names.index(name), name, column)


@pytest.mark.parametrize('damage, error, message', [
    (without_manifest, FileNotFoundError, r'manifest\.arrow .*no store'),
    (empty, ValueError, r'manifest\.arrow .*empty'),
    (broken, ValueError, r'manifest\.arrow cannot be read'),
    (of_other_bytes, ValueError, r'manifest\.arrow cannot be read'),
    (too_short, ValueError, r'manifest\.arrow has 1 rows, .*3 clips'),
    (without_label, ValueError, r'manifest\.arrow .*label.* none'),
    (blank_label, ValueError, r'manifest\.arrow has rows without label'),
    (pointing_out, ValueError, r'manifest\.arrow has a place outside the 3'),
    (without_plan, FileNotFoundError, r'plan\.json '),
    (broken_plan, ValueError, r'plan\.json .*JSON'),
    (of_another_version, ValueError, r'plan\.json .*version'),
    (without_digest, ValueError, r'manifest\.arrow was changed'),
    (without_shard, FileNotFoundError, r'shard-00001\.npy is missing'),
    (with_short_shard, ValueError, r'shard-00001\.npy cannot be read'),
    (with_shard_of_another_type, ValueError, r'shard-00001\.npy cannot be read'),
], ids=lambda value: getattr(value, '__name__', ''))
def test_a_damaged_store_is_refused(store, damage, error, message):
    damage(store)
    with pytest.raises(error, match=message) as refused:
        read_manifest(store)
    assert str(store) in str(refused.value)
    assert '\n' not in str(refused.value)


@pytest.mark.parametrize('code', [7, -1])
def test_a_value_that_points_out_of_its_column_is_refused(store, code):
    """Arrow itself would read whatever memory is there."""
    wrong = pa.DictionaryArray.from_arrays(
        pa.array([code, 0, 0], pa.int32()), pa.array(['benign']), safe=False)
    overwrite(store, replaced(table_of(store), 'label', wrong))
    with pytest.raises(ValueError, match=r'manifest\.arrow cannot be read'):
        read_manifest(store)


@pytest.mark.parametrize('name', SCHEMA.names)
def test_a_column_of_another_type_is_named_and_its_clips_are_made_again(store, name):
    wrong = pa.array([[1.5]] * 3)
    overwrite(store, replaced(table_of(store), name, wrong))
    with pytest.raises(ValueError, match=rf'manifest\.arrow must hold a column {name} '):
        read_manifest(store)
    assert made(store) == []


@pytest.mark.parametrize('byte', range(0, 3000, 97))
def test_a_changed_byte_of_the_rows_is_refused(store, byte):
    content = bytearray((store / MANIFEST).read_bytes())
    content[byte % len(content)] ^= 1
    (store / MANIFEST).write_bytes(content)
    with pytest.raises(ValueError, match=r'manifest\.arrow was changed after it was written'):
        read_manifest(store)
    assert not StoreWriter(store, PLAN, rows()).finished


@pytest.mark.parametrize('name, value', [
    ('label', 'malignant'), ('group', 'p2'), ('seed', 6), ('frame_stride', 1),
    ('package_sha256', 'ac'), ('clip_id', '9-z-0')])
def test_a_clip_whose_row_was_changed_is_made_again(store, name, value):
    table = table_of(store)
    values = table[name].to_pylist()
    overwrite(store, replaced(table, name, make_table({
        name: pa.array([value, *values[1:]], plain_type(name))})[name]))
    assert made(store) == [1, 2]


@pytest.mark.parametrize('line', [
    b'7', b'{}', b'null', b'"x"', b'[0]', b'[0, 1]', b'["a", "b"]', b'[0, "zz"]', b'[true, "ab"]',
    b'[9, "ab"]', b'[-1, "ab"]', b'[' * 10**5, b'{"plan": "another", "versions": "{}"}', b'\xff'])
def test_a_line_that_is_no_record_is_passed_over(store, line):
    partial = unfinished(store)
    lines = partial.read_bytes().splitlines(keepends=True)
    partial.write_bytes(b''.join([*lines[:-1], line, b'\n']))
    assert made(store) == [1, 2]


@pytest.mark.parametrize('plan', [
    '[]', '7', 'null', '[' * 10 ** 5, '{"format_version": 2}', '{"format_version": [2]}',
    '{"format_version": 2, "clips": "3", "generator_groups": []}',
    '{"format_version": 2, "clips": 3, "generator_groups": 7}',
    '{"format_version": 2, "clips": 3, "generator_groups": [["p1"]]}',
    '{"format_version": 2, "clips": 3, "generator_groups": [], "shape": 4}'])
def test_a_plan_of_wrong_types_is_named(store, plan):
    (store / 'plan.json').write_text(plan)
    other = rows(package_sha256='of another')            # or the plan would be written again
    for use in (read_manifest, lambda folder: StoreWriter(folder, PLAN, other)):
        with pytest.raises(ValueError, match=r'plan\.json '):
            use(store)


def test_a_run_that_was_killed_after_its_manifest_is_finished_again(store):
    before = sha256_of(store)
    (store / 'manifest.partial.jsonl').write_text('{"plan": "')
    writer = StoreWriter(store, PLAN, rows())
    assert not writer.finished and not len(writer.missing)
    writer.resume()
    writer.finish()
    assert sha256_of(store) == before


def test_versions_that_are_no_json_are_named(store):
    overwrite(store, replaced(table_of(store), 'versions', pa.array(['{'] * 3).dictionary_encode()))
    with pytest.raises(ValueError, match=r'manifest\.arrow: versions of 0-a-0'):
        read_manifest(store).rows[0]


def test_a_run_that_was_killed_while_it_wrote_the_plan_is_begun_again(tmp_path):
    for left in ('plan.json.tmp', '.plan.json.0123abcd.tmp'):
        (tmp_path / left).touch()
    (tmp_path / 'plan.json').touch()                     # as some file systems leave it
    (tmp_path / 'clips').mkdir()
    assert len(StoreWriter(tmp_path, PLAN, rows())) == 0
    (tmp_path / 'plan.json').unlink()
    (tmp_path / 'clips').rmdir()
    assert len(StoreWriter(tmp_path, PLAN, rows())) == 0


def test_an_unfinished_store_gets_a_lost_plan_again(store):
    unfinished(store)
    before = (store / 'plan.json').read_bytes()
    for content in (None, b'{"format_'):
        (store / 'plan.json').unlink()
        if content is not None:
            (store / 'plan.json').write_bytes(content)
        writer = StoreWriter(store, PLAN, rows(), per_shard=2)
        assert len(writer) == 3
    writer.resume()
    writer.finish()
    assert (store / 'plan.json').read_bytes() == before


def test_a_shard_outside_the_store_is_neither_read_nor_written(store, tmp_path):
    shard = store / SHARDS[1]
    shard.rename(tmp_path / 'elsewhere.npy')
    shard.symlink_to(tmp_path / 'elsewhere.npy')
    with pytest.raises(ValueError, match=r'shard-00001\.npy is a link out of the store'):
        read_manifest(store)
    assert made(store) == [0, 1]
    before = (tmp_path / 'elsewhere.npy').read_bytes()
    writer = StoreWriter(store, PLAN, rows())
    writer.resume()
    writer.add([2], [np.zeros(SHAPE, np.uint8)])
    assert (tmp_path / 'elsewhere.npy').read_bytes() == before and not shard.is_symlink()


def test_a_folder_of_clips_outside_the_store_is_refused(store, tmp_path):
    (store / 'clips').rename(tmp_path / 'elsewhere')
    (store / 'clips').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(ValueError, match='is a link out of the store'):
        StoreWriter(store, PLAN, rows())
    with pytest.raises(ValueError, match='is a link out of the store'):
        SyntheticClipDataset(str(store))


def test_a_whole_store_may_be_a_link(store, tmp_path):
    (tmp_path / 'link').symlink_to(store)
    assert StoreWriter(tmp_path / 'link', PLAN, rows()).finished
    assert len(SyntheticClipDataset(str(tmp_path / 'link'))) == 3


def test_a_store_of_an_earlier_version_is_refused_with_the_command_that_converts_it(tmp_path):
    (tmp_path / 'manifest.jsonl').write_text('{}')
    (tmp_path / 'plan.json').write_text('{"format_version": 1}')
    for use in (read_manifest, lambda folder: StoreWriter(folder, PLAN, rows()),
                lambda folder: SyntheticClipDataset(str(folder))):
        with pytest.raises(ValueError, match=f'lddm-aug store convert {tmp_path} --out'):
            use(tmp_path)


def test_compressed_rows_which_could_need_any_memory_are_refused(store):
    # a copy, since a mapped file must not be cut off
    table = pa.ipc.open_file((store / MANIFEST).read_bytes()).read_all()
    for compression in ('zstd', 'lz4'):
        options = pa.ipc.IpcWriteOptions(compression=compression)
        with (store / MANIFEST).open('wb') as file, pa.ipc.new_file(
                file, table.schema, options=options) as writer:
            writer.write_table(table.combine_chunks())
        edit_plan(store, rows_sha256=sha256_of(store / MANIFEST))
        with pytest.raises(ValueError, match=r'manifest\.arrow .*compressed'):
            read_manifest(store)
