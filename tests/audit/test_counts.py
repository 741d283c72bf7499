"""Counts of what an audit found, and their chart."""
from __future__ import annotations

import json
import re
from pathlib import Path

from lddm_aug.audit.counts import FAULTS, draw_counts, write_counts

RESULTS = Path(__file__).parents[2] / 'docs/results'


def test_counts_are_written_with_a_chart_of_what_was_found(tmp_path):
    counts = dict(items=40, in_sets=8, sets=4, redundant=4, exact=0, two_labels=1, leaks=0,
                  **dict.fromkeys(FAULTS, 0)) | {'too short': 2}
    write_counts(tmp_path / 'new' / 'counts.json', counts)
    assert json.loads((tmp_path / 'new' / 'counts.json').read_text()) == counts
    chart = (tmp_path / 'new' / 'counts.svg').read_text()
    assert re.findall(r'>(\d+ \([\d.]+%\))<', chart) == ['8 (20.0%)', '4 (10.0%)', '2 (5.0%)']


def test_the_page_on_data_shows_its_counts():
    counts = json.loads((RESULTS / 'data.json').read_text())
    assert draw_counts(counts) == (RESULTS / 'data.svg').read_text(encoding='utf-8')
    page = (RESULTS / 'data.md').read_text(encoding='utf-8')
    redundant = counts['redundant'] / counts['items']
    for said in (f'{counts["items"]} stills', f'{counts["in_sets"]}, in {counts["sets"]} sets',
                 f'{counts["redundant"]} ({100 * redundant:.1f} %)', f'{counts["marked"]};'):
        assert said in page, said
