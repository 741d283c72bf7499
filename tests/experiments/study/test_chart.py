"""The chart in the README is drawn from our own studies, and shows what the README says."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from lddm_aug.commands import run_command
from lddm_aug.experiments.study.chart import SETTINGS, bar_of, read_gains

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope='module')
def drawn(tmp_path_factory) -> str:
    """What the command draws today."""
    chart = tmp_path_factory.mktemp('chart') / 'chart.svg'
    run_command(lambda: None, ['study', 'chart', '--results', str(ROOT / 'docs/results'),
                               '--out', str(chart)])
    return chart.read_text(encoding='utf-8')


def test_the_command_draws_the_chart_that_is_kept(drawn):
    assert drawn == (ROOT / 'docs/images/when_it_helps.svg').read_text(encoding='utf-8')


def test_every_comparison_stands_in_it_with_its_interval(drawn):
    shown = re.findall(r'>([+−][\d.]+ \[[+−][\d.]+, [+−][\d.]+\])<', drawn)
    assert len(shown) == 2 * len(SETTINGS)


def test_the_readme_and_the_study_say_the_same_figures():
    readme, study = ((ROOT / name).read_text(encoding='utf-8')
                     for name in ('README.md', 'docs/results/study.md'))
    gains = read_gains(ROOT / 'docs/results')
    for setting, by_name in gains.items():
        assert bar_of(setting, '', by_name['real videos alone']).text in readme
    for setting, by_name in gains.items():
        if setting.training_set == 'lddm_mix':
            assert all(bar_of(setting, '', gain).text in study for gain in by_name.values())
