import base64
import copy
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from lddm_aug.experiments.demo.report import findings, wilson_interval, write_report
from lddm_aug.visualization.previews import Preview

RESULTS = {
    'autoencoder': {'psnr_db': 27.3, 'still_psnr_db': 24.0},
    'synthesis': {'clips': 160, 'seconds': 20.0, 'clips_per_second': 8.0},
    'recognition': [
        {'recognizer': 'TSM', 'training_set': name, 'iterations': 120, 'accuracy': accuracy,
         'f1_macro': accuracy, 'auc': 0.8, 'seed': 0, 'n_test': 16,
         'confusion': [[right, 8 - right], [8 - right, right]], 'against': against}
        for name, accuracy, right, against in (
            ('real', 0.625, 5, {}),
            ('still_mix', 0.75, 6, {}),
            ('lddm_mix', 0.875, 7, {'real': {'gained': 5, 'lost': 1, 'p': 0.22}}))],
    'data': {'source': 'Phantom', 'classes': ['benign', 'malignant'], 'test_groups': 16,
             'split': 'As given.', 'skipped': [],
             'counts': {'test videos': {name: {'rows': 8, 'groups': 8}
                                        for name in ('benign', 'malignant')}}},
    'versions': {'torch': '2'}, 'command': 'make demo', 'wall_s': 500.0, 'peak_rss_mb': 2000.0,
}
FILES = {'package': 'generator', 'store': 'store'}


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
        previews = [Preview('p7.mp4', 'benign', {'real': clip, 'generated': clip[::-1]})]
        write_report(tmp_path / 'report.html', results, FILES, previews, **kwargs)
        return (tmp_path / 'report.html').read_text()
    return render


def test_the_page_fetches_nothing_and_runs_nothing(page):
    loads = Loads(page(curves={'autoencoder': [(1, 0.5), (2, 0.25), (3, 0.2)]}))
    assert loads.addresses
    assert all(address.startswith('data:') for address in loads.addresses)
    assert loads.scripts == 0


def test_the_page_shows_every_training_set_with_its_interval(page):
    text = page()
    for name in ('real videos only', 'real + repeated stills', 'real + LDDM clips'):
        assert name in text
    assert '0.88 [0.64–0.97]' in text       # 14 of 16


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
    for row in results['recognition']:
        del row['auc']
        row['confusion'] = [[5, 0, 0], [0, 5, 0], [0, 1, 5]]
    text = page(results)
    assert 'AUC' not in text
    assert 'Positive class' not in text


def test_a_run_that_shows_nothing_says_so():
    found = findings(RESULTS)
    assert 'cannot tell the training sets apart' in found['caution']
    assert '3.3 dB better than the still repeated' in found['generator']


def test_a_recognizer_that_always_says_the_same_is_exposed():
    assert 'learnt nothing' not in findings(RESULTS)['caution']
    results = copy.deepcopy(RESULTS)
    results['recognition'][1]['confusion'] = [[10, 0], [6, 0]]
    results['recognition'][0]['confusion'] = [[9, 1], [5, 1]]
    caution = findings(results)['caution']
    assert 'Saying benign every time would reach 0.62' in caution
    assert 'Trained on real + repeated stills, the recognizer gave every video the same' in caution


def test_a_generator_below_the_repeated_still_is_called_worse():
    results = RESULTS | {'autoencoder': {'psnr_db': 22.0, 'still_psnr_db': 24.0}}
    assert '2.0 dB worse' in findings(results)['generator']


def test_wilson_interval_is_that_of_the_textbook():
    low, high = wilson_interval(81, 263)      # Newcombe 1998, table I
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_scores_per_group_are_shown_where_a_group_has_several_videos(page):
    results = copy.deepcopy(RESULTS)
    assert 'per group' not in page(results)
    results['data']['test_groups'] = 4
    for row in results['recognition']:
        row['group_accuracy'] = 0.75
    assert 'Accuracy per group' in page(results)
