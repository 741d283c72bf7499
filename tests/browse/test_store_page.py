"""Clips of a store are filtered and flagged, and a training reads those that are kept."""
from __future__ import annotations

import html
import io
import json

import numpy as np
import pytest
from PIL import Image

from lddm_aug.browse.flags import ClipFlags
from lddm_aug.browse.store_page import CLIPS_ON_PAGE, StorePage, select_rows
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.engine.training_inputs import content_of
from lddm_aug.store.manifest import read_manifest


@pytest.fixture
def page(store) -> StorePage:
    return StorePage(store)


def flag(page: StorePage, number: int, value: str | None) -> str:
    sent = dict(clip_id=page.rows[number]['clip_id'], flag=value)
    return page.set_flag(json.dumps(sent).encode())['summary']


def read(page: StorePage) -> list[str]:
    """Clip ids that a training reads with the keep file."""
    data = SyntheticClipDataset(str(page.store), keep=str(page.flags.keep))
    return [data.get_data_info(index)['clip_id'] for index in range(len(data))]


def test_a_training_reads_exactly_the_clips_that_are_not_bad(page):
    ids = [row['clip_id'] for row in page.rows]
    before = content_of(str(page.store))
    assert not page.flags.keep.exists()
    flag(page, 1, 'bad')
    flag(page, 3, 'bad')
    summary = flag(page, 0, 'good')
    assert read(page) == [ids[0], ids[2], ids[4]]
    assert '1 good, 2 bad, 2 without a flag' in summary and 'keeps 3 of 5' in summary
    flag(page, 3, None)
    flag(page, 1, 'good')
    assert read(page) == ids
    assert content_of(str(page.store)) == before     # flags are no change of the clips


def test_good_only_keeps_exactly_the_good_ones_and_flags_outlive_the_page(page, store):
    ids = [row['clip_id'] for row in page.rows]
    flag(page, 2, 'good')
    flag(page, 4, 'bad')
    again = StorePage(store, good_only=True)
    assert again.flags.read() == {ids[2]: 'good', ids[4]: 'bad'}
    assert read(again) == [ids[2]]
    assert read(StorePage(store)) == ids[:4]


def test_a_filter_leaves_the_clips_of_a_label_a_group_and_a_flag(page):
    flag(page, 1, 'bad')
    flags = page.flags.read()

    def left(**chosen: str) -> list[int]:
        return [page.rows.index(row) for row in select_rows(page.rows, flags, chosen)]
    assert left() == [0, 1, 2, 3, 4]
    assert left(label='malignant', flag='') == [3, 4]
    assert left(group='p1') == left(flag='bad') == [1]
    assert left(label='benign', flag='none') == [0, 2]
    assert left(label='malignant', group='p1') == []
    shown = page.render(dict(label='malignant'))
    assert shown.count('<figure') == 2 and page.rows[3]['clip_id'] in html.unescape(shown)


@pytest.mark.parametrize('number, shown', [('1', 1), ('2', 2), ('9', 2), ('-3', 1), ('x', 1)])
def test_a_page_that_is_not_there_becomes_the_nearest(page, monkeypatch, number, shown):
    monkeypatch.setattr('lddm_aug.browse.store_page.CLIPS_ON_PAGE', 4)
    assert CLIPS_ON_PAGE > 4
    rendered = page.render(dict(page=number))
    assert f'page {shown} of 2' in rendered
    assert rendered.count('<figure') == (4 if shown == 1 else 1)


def test_the_pictures_are_a_clip_that_moves_and_its_still(page):
    row = page.rows[2]
    clip = page.manifest.read_clip(2)
    moving, held = (Image.open(io.BytesIO(page.picture(form, row['sha256'])))
                    for form in ('clips', 'stills'))
    assert (moving.n_frames, getattr(held, 'n_frames', 1)) == (len(clip), 1)
    assert abs(np.asarray(held.convert('L')).astype(int) - clip[0]).mean() < 6


@pytest.mark.parametrize('sent', [
    b'', b'[]', b'7', b'{"clip_id": 1}', b'{"clip_id": "../x", "flag": "bad"}',
    b'{"clip_id": ["a"], "flag": "bad"}'])
def test_a_flag_of_no_clip_is_refused_and_writes_nothing(page, sent):
    with pytest.raises(ValueError, match=r'flag|clip'):
        page.set_flag(sent)
    assert not page.flags.file.exists() and not page.flags.keep.exists()


def test_an_unknown_flag_is_refused(page):
    with pytest.raises(ValueError, match="'fine'"):
        flag(page, 0, 'fine')


def test_flags_of_another_store_are_refused(page, store):
    flag(page, 0, 'bad')
    flags = json.loads(page.flags.file.read_bytes())
    page.flags.file.write_text(json.dumps(flags | dict(manifest_sha256='0' * 64)))
    with pytest.raises(ValueError, match='another store'):
        StorePage(store)


@pytest.mark.parametrize('keep, content, told', [
    ('store/keep.json', None, 'in the store'), ('mine.json', b'["a"]', 'not made of flags')])
def test_a_keep_file_that_would_spoil_something_is_refused(store, tmp_path, keep, content, told):
    file = tmp_path / keep
    if content:
        file.write_bytes(content)
    ids = [row['clip_id'] for row in read_manifest(store).rows]
    with pytest.raises(ValueError, match=told):
        ClipFlags(store, ids, file)
    assert file.exists() == bool(content) and (not content or file.read_bytes() == content)


def test_damaged_flags_are_named_and_stay(page, store):
    flag(page, 0, 'bad')
    page.flags.file.write_text('{"flags"')
    with pytest.raises(ValueError, match=r'flags\.json .*move it'):
        StorePage(store)
    assert page.flags.file.read_text() == '{"flags"'
