"""Both pages, as a person uses them in a browser."""
from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lddm_aug.browse.app import make_app
from lddm_aug.datasets.synthetic_clips import SyntheticClipDataset
from lddm_aug.store.manifest import read_manifest

CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))),
                None)
DROP = """([name, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const dropped = new DataTransfer();
    dropped.items.add(new File([bytes], name));
    return dropped;
}"""
PLAYS = 'image => image.complete && image.naturalWidth > 0'


class Tab:
    """A tab of the browser, and what it asked for and complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on('request', lambda request: self.requests.append(request.url))
        page.on('pageerror', lambda error: self.complaints.append(str(error)))
        page.on('console', lambda message: message.type == 'error'
                and 'status of 400' not in message.text and self.complaints.append(message.text))

    def drop(self, name: str, content: bytes) -> None:
        dropped = self.page.evaluate_handle(DROP, [name, base64.b64encode(content).decode()])
        self.page.dispatch_event('#drop', 'drop', dict(dataTransfer=dropped))

    def stayed_at(self, address: str) -> bool:
        return all(url.startswith((address, 'data:')) for url in self.requests)


@pytest.fixture
def tab() -> Iterator[Tab]:
    playwright = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    if CHROMIUM is None:
        pytest.skip('there is no Chromium on this machine')
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM)
        yield Tab(browser.new_page())
        browser.close()


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
