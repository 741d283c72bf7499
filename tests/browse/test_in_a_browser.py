"""Both pages, as a person uses them in a browser."""
from __future__ import annotations

from pathlib import Path

from lddm_aug.browse.app import make_app
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.store.manifest import read_manifest

PLAYS = 'image => image.complete && image.naturalWidth > 0'


def test_a_still_is_dropped_in_and_its_clip_plays_beside_it(tab, served, package, still):
    address, page = served(make_app(package)), tab.page
    page.goto(address)
    page.get_by_label('Class').select_option('malignant')
    page.get_by_label('Seed', exact=True).fill('7')
    tab.drop('a still.png', still.read_bytes())
    page.get_by_text('a still.png · malignant · seed 7').wait_for()
    for name in ('still', 'clip'):
        assert page.locator(f'#{name}').is_visible() and page.eval_on_selector(f'#{name}', PLAYS)
    assert page.locator('#file').input_value().endswith('a still.png')
    first = page.locator('#clip').get_attribute('src')
    page.get_by_label('Hold the clip still').check()
    assert page.locator('#held').is_visible() and not page.locator('#clip').is_visible()

    page.get_by_label('Temperature').fill('0.5')
    page.get_by_label('Length').fill('4')
    page.get_by_role('button', name='Make the clip').click()
    page.get_by_text('seed 7 · temperature 0.5 · first 4 frames').wait_for()
    assert page.locator('#clip').get_attribute('src') != first
    first = page.locator('#clip').get_attribute('src')

    page.get_by_role('button', name='Another seed').click()
    page.wait_for_function('first => document.getElementById("clip").src !== first', arg=first)
    tab.drop('notes.png', b'no picture')
    page.get_by_role('alert').filter(has_text='notes.png').wait_for()
    assert not page.locator('#result').is_visible()
    page.locator('#file').set_input_files(still)     # the file's button does the same
    page.locator('#result').wait_for()
    assert not page.get_by_role('alert').is_visible()
    assert tab.stayed_at(address) and not tab.complaints


def test_a_clip_of_a_store_is_found_and_flagged_and_left_out_of_a_training(tab, served, store,
                                                                           tmp_path: Path):
    address, page = served(make_app(store)), tab.page
    ids = [row['clip_id'] for row in read_manifest(store).rows]
    page.goto(address)
    assert page.locator('figure').count() == 5
    page.get_by_label('Label').select_option('malignant')
    page.get_by_role('button', name='Filter').click()
    page.wait_for_url('**label=malignant**')
    figure = page.locator(f'figure[data-clip="{ids[4]}"]')
    assert page.locator('figure').count() == 2
    assert figure.locator('.moving').evaluate(PLAYS)
    bad = figure.get_by_role('button', name='Bad')
    bad.click()
    page.get_by_text('1 bad').wait_for()
    assert bad.get_attribute('aria-pressed') == 'true'

    page.get_by_label('Flag').select_option('bad')
    page.get_by_role('button', name='Filter').click()
    page.wait_for_url('**flag=bad**')
    assert page.locator('figure').count() == 1 and bad.get_attribute('aria-pressed') == 'true'
    data = SyntheticClipDataset(store, keep=str(tmp_path / 'store.keep.json'))
    assert [data.get_data_info(index)['clip_id'] for index in range(len(data))] == ids[:4]
    assert tab.stayed_at(address) and not tab.complaints
