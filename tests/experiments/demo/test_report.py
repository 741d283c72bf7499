import base64
import copy
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from lddm_aug.experiments.demo.report import findings, write_report
from lddm_aug.visualization.previews import Preview

SETS = {'real': .625, 'still_mix': .75, 'lddm_mix': .875, 'oracle': .9375}
PAIRS = (('still_mix', 'real'), ('lddm_mix', 'real'), ('oracle', 'real'), ('lddm_mix', 'still_mix'))
RESULTS = {
    'autoencoder': {'psnr_db': 27.3, 'still_psnr_db': 24.0},
    'synthesis': {'clips': 160, 'seconds': 20.0, 'clips_per_second': 8.0},
    'recognition': [
        {'recognizer': 'tsm', 'training_set': name, 'iterations': 160, 'accuracy': accuracy,
         'f1_macro': accuracy, 'auc': 0.8, 'seed': seed, 'n_test': 16,
         'confusion': [[round(8 * accuracy), 8 - round(8 * accuracy)], [1, 7]]}
        for name, accuracy in SETS.items() for seed in range(3)],
    'rows': [{'phantom_seed': 0, 'recognizer_seed': seed, 'training_set': name,
              'accuracy': accuracy, 'auc': 0.8} for name, accuracy in SETS.items()
             for seed in range(3)],
    'means': [{'training_set': name, 'metric': metric, 'value': accuracy, 'low': accuracy - .1,
               'high': accuracy + .05} for name, accuracy in SETS.items()
              for metric in ('accuracy', 'auc')],
    'gains': [{'training_set': name, 'over': over, 'metric': metric,
               'value': SETS[name] - SETS[over], 'low': .03, 'high': .4}
              for name, over in PAIRS for metric in ('accuracy', 'auc')],
    'data': {'source': 'Phantom', 'classes': ['benign', 'malignant'], 'test_groups': 16,
             'split': 'As given.', 'skipped': [],
             'counts': {'test videos': {name: {'rows': 8, 'groups': 8}
                                        for name in ('benign', 'malignant')}}},
    'versions': {'torch': '2'}, 'command': 'make demo', 'wall_s': 500.0, 'peak_rss_mb': 2000.0,
}
FILES = {'package': 'generator', 'store': 'store', 'videos': 'videos.csv', 'root': 'data'}


class Loads(HTMLParser):
    """Collects whatever a browser would fetch by itself."""

    def __init__(self, page):
        super().__init__()
        self.addresses = re.findall(r'url\(([^)]*)\)|@import\s+(\S+)', page)
        self.scripts = 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == 'script'
        self.addresses += [value for name, value in attrs if name in ('src', 'href', 'srcset')]


@pytest.fixture
def clip():
    return np.random.default_rng(0).integers(0, 256, (16, 32, 32)).astype(np.uint8)


@pytest.fixture
def page(tmp_path, clip):
    def render(results=RESULTS, **kwargs):
        previews = [Preview(f'{label}.mp4', label, {'real': clip, 'generated': clip[::-1]})
                    for label in ('benign', 'malignant')]
        write_report(tmp_path / 'report.html', results, FILES, previews, **kwargs)
        return (tmp_path / 'report.html').read_text()
    return render


def test_the_page_fetches_nothing_and_runs_nothing(page):
    loads = Loads(page(curves={'autoencoder': [(1, 0.5), (2, 0.25), (3, 0.2)]}))
    assert loads.addresses
    assert all(address.startswith('data:') for address in loads.addresses)
    assert loads.scripts == 0


def changed(**gain):
    """Results in which LDDM's gain over real videos is another."""
    results = copy.deepcopy(RESULTS)
    results['gains'][2] |= gain
    return results


def test_the_first_sentence_says_the_result():
    assert findings(RESULTS)['headline'] == (
        'LDDM clips raised accuracy on held-out videos from 62 % to 88 %: '
        '+25.0 points [+3.0, +40.0].')


def test_an_interval_that_holds_zero_is_no_result():
    assert findings(changed(low=-.1))['headline'].endswith('cannot tell whether they help.')
    assert 'lowered' in findings(changed(value=-.2, low=-.4, high=-.1))['headline']
    assert 'cannot tell' in findings(changed(low=None, high=None))['headline']


def test_the_sentence_and_its_chart_stand_first(page):
    text = page()
    headline, chart, tables = (text.index(part) for part in (
        'LDDM clips raised accuracy', '<svg', '<h2>'))
    assert headline < chart < tables
    assert '+25.0 [+3.0, +40.0]' in text[chart:tables]


def test_the_page_shows_every_training_set_with_its_interval(page):
    text = page()
    for name in ('real videos only', 'real + repeated stills', 'real + LDDM clips',
                 'real + true clips'):
        assert name in text
    assert '0.88 [0.78–0.93]' in text


def test_the_oracle_is_left_out_where_nobody_knows_it(page):
    results = copy.deepcopy(RESULTS)
    for key in ('recognition', 'rows', 'means', 'gains'):
        results[key] = [row for row in results[key] if row['training_set'] != 'oracle']
    assert 'true clips' not in page(results).lower()


def test_clips_can_be_filtered_by_class_without_a_script(page):
    text = page()
    radios = re.findall(r'<input type="radio" name="only" id="only-(\d)"', text)
    figures = re.findall(r'<figure class="label-(\d)">', text)
    assert radios == ['0', '1', '2'] and figures == ['1', '2']
    assert 'body:has(#only-1:checked) .clips figure:not(.label-1) { display: none; }' in text


def test_the_page_says_how_to_measure_what_distinguishes_the_clips(page):
    text = page()
    assert 'lddm-aug evaluate generator --videos videos.csv --data-root data' in text
    assert '--i3d' in text and '--lpips' in text


def test_pictures_on_the_page_move(page):
    picture = re.search(r'src="data:image/webp;base64,([^"]+)"', page()).group(1)
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    assert image.n_frames == 16


def test_names_from_a_table_cannot_become_markup(page):
    results = copy.deepcopy(RESULTS)
    results['data']['skipped'] = ['videos.csv line 2: <img src=http://x>']
    text = page(results)
    assert '<img src=http://x>' not in text
    assert '&lt;img src=http://x&gt;' in text


def test_scores_for_two_classes_are_left_out_where_there_are_three(page):
    results = copy.deepcopy(RESULTS)
    results['data'] |= {'classes': ['a', 'b', 'c'], 'counts': {}}
    for key in ('means', 'gains'):
        results[key] = [row for row in results[key] if row['metric'] == 'accuracy']
    for row in results['recognition']:
        row['confusion'] = [[5, 0, 0], [0, 5, 0], [0, 1, 5]]
    assert 'AUC' not in page(results)


def test_confusion_matrices_are_summed_over_the_seeds(page):
    row = re.search(r'<th scope="row">benign</th>\s*<td style[^>]*>(\d+)</td>', page())
    assert row.group(1) == str(3 * round(8 * .625))


def test_recognizers_that_always_say_the_same_are_exposed():
    assert 'learned nothing' not in findings(RESULTS)['caution']
    results = copy.deepcopy(RESULTS)
    for row in results['recognition'][3:5]:
        row['confusion'] = [[10, 0], [6, 0]]
    results['recognition'][0]['confusion'] = [[9, 1], [5, 1]]
    caution = findings(results)['caution']
    assert 'Saying benign every time would reach 62 %' in caution
    assert '2 of 12 recognizers gave every video the same class' in caution
    assert '2 of real + repeated stills' in caution


def test_a_generator_below_the_repeated_still_is_called_worse():
    results = RESULTS | {'autoencoder': {'psnr_db': 22.0, 'still_psnr_db': 24.0}}
    assert '3.3 dB better than the still repeated' in findings(RESULTS)['generator']
    assert '2.0 dB worse' in findings(results)['generator']


def test_in_a_browser_the_result_stands_on_the_first_screen(tab, page, tmp_path):
    page()
    address = (tmp_path / 'report.html').as_uri()
    tab.page.set_viewport_size(dict(width=1280, height=720))
    tab.page.goto(address)
    for part in (tab.page.get_by_text('LDDM clips raised accuracy'),
                 tab.page.locator('figure.gains svg')):
        box = part.bounding_box()
        assert box['y'] + box['height'] <= 720 and box['width'] > 300
    assert tab.stayed_at(address) and not tab.complaints


def test_in_a_browser_clips_move_until_they_are_held(tab, page, tmp_path):
    page()
    tab.page.goto((tmp_path / 'report.html').as_uri())
    moving = tab.page.locator('.clips .moving img').first
    before = moving.screenshot()
    assert any(moving.screenshot() != before for _ in range(100))
    tab.page.get_by_label('Hold the clips still').check()
    held = tab.page.locator('.clips .held').first
    assert held.is_visible() and not moving.is_visible()
    before = held.screenshot()
    assert all(held.screenshot() == before for _ in range(5))


def test_in_a_browser_one_class_is_shown_alone(tab, page, tmp_path):
    page()
    tab.page.goto((tmp_path / 'report.html').as_uri())
    shown = tab.page.locator('.clips figure:visible figcaption')
    assert shown.count() == 2
    tab.page.get_by_role('radio', name='malignant').check()
    assert shown.all_inner_texts() == ['malignant.mp4 · malignant']
    tab.page.get_by_role('radio', name='all').check()
    assert shown.count() == 2
