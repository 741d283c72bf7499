"""What `lddm-aug paper` asks for; what comes of it is tested in tests/experiments/paper."""
from __future__ import annotations

from pathlib import Path

import pytest

from lddm_aug.commands import run_command
from lddm_aug.experiments.paper import flow
from lddm_aug.experiments.paper.flow import QUICK, Paper


@pytest.fixture
def asked_for(monkeypatch):
    """Arguments → the Paper that would be made."""
    made: list[Paper] = []

    def make(paper: Paper) -> Path:
        made.append(paper)
        return Path('paper.html')

    def asked_for(*arguments: str) -> Paper:
        run_command(lambda: None, ['paper', '--busv', 'a', '--busi', 'b', '--device', 'cpu',
                                   *arguments])
        return made[-1]

    monkeypatch.setattr(flow, 'make_paper', make)
    return asked_for


def test_in_full_it_is_the_papers_tables_at_128_pixels(asked_for, capsys):
    paper = asked_for()
    assert (paper.busv, paper.busi, paper.size, paper.form) == (Path('a'), Path('b'), 128, 'full')
    assert paper.ratios == ('7:3', '5:5', '3:7')
    assert {'lddm', 'cinn', 'cinn_paper'} < {*paper.generators}
    assert {'real', 'cinn_mix', 'lddm_blind_mix'} < {*paper.training_sets}
    assert paper.iterations is None and not paper.shortened
    assert 'no GPU' in capsys.readouterr().out


def test_quick_shortens_all_but_what_is_named(asked_for):
    paper = asked_for('--quick', '--ratios', '5:5', '--seeds', '1', '2')
    assert paper.shortened and paper.iterations == QUICK['iterations']
    assert (paper.ratios, paper.seeds) == (['5:5'], [1, 2])
    assert paper.results != asked_for().results      # else one would replace the other's rows


def test_a_folder_that_is_no_busv_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: None, ['paper', '--busv', str(tmp_path), '--busi', str(tmp_path),
                                   '--out', str(tmp_path / 'out')])
    assert ended.value.code == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
