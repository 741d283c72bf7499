"""The charts on Table 1's page are drawn from its rows, and show what its table says."""
from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from lddm_aug.commands import run_command
from lddm_aug.experiments.table1.chart import NAMES, distances, draw_distances
from lddm_aug.experiments.table1.results import load_results

RESULTS = Path(__file__).parents[3] / 'docs/results'
KEPT = ('table1_phantom', 'table1_covid_blues')


@pytest.mark.parametrize('name', KEPT)
def test_the_command_draws_the_chart_that_is_kept(name, tmp_path):
    shutil.copy(RESULTS / f'{name}.json', tmp_path)
    run_command(lambda: None, ['table1', '--draw', str(tmp_path / f'{name}.json')])
    assert (tmp_path / f'{name}.svg').read_bytes() == (RESULTS / f'{name}.svg').read_bytes()


@pytest.mark.parametrize('name, column', zip(KEPT, (1, 4), strict=True))
def test_the_pages_table_says_the_same_figures(name, column):
    lines = [[cell.strip(' *') for cell in line.split('|')[1:-1]] for line in
             (RESULTS / 'table1.md').read_text(encoding='utf-8').splitlines() if line[:1] == '|']
    page = {}
    for cells in lines:
        page.setdefault(cells[0], cells)
    drawn = {bar.name: bar.value for bar in distances(load_results(RESULTS / f'{name}.json'))}
    drawn['real clips of the training patients'] = drawn.pop('real clips, training patients')
    assert {*drawn} == {*NAMES.values()} - {'cINN as published'} | {
        'real clips of the training patients'}
    for shown, value in drawn.items():
        said = page[shown][column].partition(' ')[0]
        digits = len(said.partition('.')[2])
        assert f'{value:.{digits}f}' == said, shown


def test_the_nearest_generator_stands_first_with_its_seeds():
    row = dict(identity='', fd_real=1.)
    svg = draw_distances(dict(protocol=dict(data='mine'), rows=[
        row | dict(generator='mine', seed=0, fd=30.), row | dict(generator='cinn', seed=0, fd=4.),
        row | dict(generator='cinn', seed=1, fd=8.)]))
    names = re.findall(r'<text x="0"[^>]*>([^<]*)<', svg)
    assert names == ['real clips, training patients', 'cINN, on LDDM&#x27;s autoencoder', 'mine']
    assert '6.0 ± 2.8' in svg and '30.0<' in svg and svg.count('r="2.5"') == 2


def test_what_has_no_distances_is_refused(tmp_path):
    file = tmp_path / 'rows.json'
    for content, key in ((dict(rows=[], sampler_steps=[], protocol={}), 'fd'), ([], 'rows.json')):
        file.write_text(json.dumps(content))
        with pytest.raises(ValueError, match=key):
            draw_distances(load_results(file))
