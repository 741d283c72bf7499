"""The page of rows and lines that are made up, so that every figure on it is known."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lddm_aug.experiments.paper.page import beside_the_paper, table_1, table_1_by_seed, write_page
from lddm_aug.experiments.paper.published import TABLE_2, published
from lddm_aug.experiments.study.plan import Run
from lddm_aug.experiments.study.records import keep
from lddm_aug.experiments.study.tables import NONE, Results

ROWS = [dict(generator=name, seed=seed, fd=fd + seed, fd_interval=[fd, fd + 2],
             fd_network='FD-r3d', fvd=None, machine='a')
        for name, fd in (('lddm', 10.), ('repeat_still', 30.)) for seed in (0, 2)]


@pytest.fixture(scope='module')
def lines(tmp_path_factory) -> Path:
    """TSM and ATMNet, of eight test videos: real only gets six of them, with LDDM's clips seven."""
    out = tmp_path_factory.mktemp('paper') / 'table2.jsonl'
    labels = np.arange(8) % 2
    for recognizer in ('tsm', 'atmnet'):
        for training_set, right in (('real', 6), ('lddm_blind_mix', 7), ('still_mix', 6)):
            for ratio in ('7:3', '3:7'):
                said = np.where(np.arange(8) < right, labels, 1 - labels)
                times = None if training_set == 'real' else 1.
                keep(out, {**Run(recognizer, training_set, ratio, 0, times).key, 'iterations': 2,
                           'n_test': 8, 'n_train': 7 if ratio == '7:3' else 3,
                           'accuracy': right / 8, 'f1_macro': 0., 'f1_weighted': 0., 'auc': None},
                     {'classes': ['benign', 'malignant'],
                      'videos': {f'{n}.npy': [f'p{n}', ('benign', 'malignant')[labels[n]],
                                              [1. - said[n], float(said[n])]] for n in range(8)}})
    return out


def test_table_1_has_our_rows_then_the_papers():
    table = table_1(ROWS)
    place = table.header.index('FD')
    cells = {row[0]: row for row in table.rows}
    assert list(cells) == ['lddm', 'repeat_still', 'cinn (paper)', 'lddm (paper)']
    assert (cells['lddm'][1], cells['lddm'][place]) == ('2', '11±1.4')      # 10 and 12
    assert cells['lddm (paper)'][place] == NONE
    fvd = table.header.index('FVD')                  # shown though nothing measured it
    assert (cells['lddm'][fvd], cells['lddm (paper)'][fvd]) == ('-', '53.82')
    assert 'FD is FD-r3d' in table.note


def test_a_seeds_figures_have_their_intervals():
    table = table_1_by_seed(ROWS)
    assert table.header == ['seed', 'generator', 'FD']
    assert table.rows[0] == ['0', 'lddm', '10 [10, 12]']
    assert [row[:2] for row in table.rows] == [
        ['0', 'lddm'], ['0', 'repeat_still'], ['2', 'lddm'], ['2', 'repeat_still']]


def test_table_2_has_the_papers_figures_beside_ours(lines):
    table = beside_the_paper(Results.read(lines, count=50))
    assert table.header == ['recognizer', 'trained on', '7:3', '7:3, paper', '3:7', '3:7, paper']
    rows = {(row[0], row[1]): row[2:] for row in table.rows}
    ours, paper, _, paper_3_7 = rows['TSM', 'lddm_blind_mix']
    assert ours.split(' / ')[1].startswith('87.5 [')
    assert (paper, paper_3_7) == ('80.96 / 80.36', '78.96 / 79.23')
    assert rows['TSM', 'real'][1] == '78.91 / 78.57'
    assert rows['TSM', 'still_mix'][1] == NONE       # the paper has no such control
    assert rows['ATMNet', 'real'][1::2] == ['72.08 / 73.21', NONE]


def test_the_printed_accuracies_are_counts_of_the_papers_test_videos():
    """Of 56, 93 and 130 videos, but where the note says that a digit is doubtful."""
    tested = {'7:3': 56, '5:5': 93, '3:7': 130}
    doubtful = []
    for recognizer, ratios in TABLE_2.items():
        for ratio, figures in ratios.items():
            for figure in figures:
                accuracy = figure.split(' / ')[1]
                if '?' in accuracy:
                    continue
                right = float(accuracy) / 100 * tested[ratio]
                if abs(right - round(right)) > 0.01 * tested[ratio] / 100 + 1e-9:
                    doubtful.append((recognizer, ratio, figure))
    assert doubtful == []
    assert published('c3d', 'lddm_mix', '7:3') is None


def test_the_page_says_what_was_done_and_holds_both_tables(lines, tmp_path):
    page, text = tmp_path / 'paper.html', tmp_path / 'paper.md'
    write_page(page, text, 'Both', ROWS, lines, ['SHORTENED'])
    written = text.read_text()
    assert written.index('SHORTENED') < written.index('## Table 1') < written.index('## Table 2')
    assert '| lddm | 2 |' in written and '| TSM | lddm_blind_mix |' in written
    assert '53.82' in page.read_text() and '80.96' in page.read_text()
