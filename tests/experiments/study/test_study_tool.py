from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from lddm_aug.experiments.study.plan import Run
from lddm_aug.experiments.study.records import keep, scores_file

TOOL = Path(__file__).parents[3] / 'tools/study.py'


def report(monkeypatch: pytest.MonkeyPatch, out: Path, *options: str) -> None:
    """Run the tool as from a shell."""
    monkeypatch.setattr(sys, 'argv', ['study.py', 'report', '--data', str(out.parent),
                                      '--out', str(out), *options])
    runpy.run_path(str(TOOL), run_name='__main__')


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Four trainings; those with clips recognize one video more."""
    for name, times, third in (('real', None, [0.8, 0.2]), ('lddm_mix', 1., [0.2, 0.8])):
        for seed in (0, 1):
            videos = {'v0.npy': ['p0', 'a', [0.9, 0.1]], 'v1.npy': ['p1', 'b', [0.3, 0.7]],
                      'v2.npy': ['p2', 'b', third]}
            keep(tmp_path / 'study_toy.jsonl',
                 {**Run('tsm', name, '3:7', seed, times).key, 'iterations': 1, 'n_test': 3,
                  'n_train': 2, 'accuracy': 0., 'f1_macro': 0., 'f1_weighted': 0., 'auc': None},
                 {'classes': ['a', 'b'], 'videos': videos})
    return tmp_path / 'study_toy.jsonl'


def test_report_writes_a_page_and_a_text_beside_the_lines(monkeypatch, capsys, out: Path):
    report(monkeypatch, out)
    page, text = out.with_suffix('.html'), out.with_suffix('.md')
    assert capsys.readouterr().out.splitlines() == [str(page), str(text)]
    assert 'data:image/svg' in page.read_text()
    assert '| TSM | 3:7 | lddm_mix | +33.3 [' in text.read_text()
    assert out.with_name('study_toy_1.svg').is_file()


def test_pages_go_into_a_folder_that_does_not_exist_yet(monkeypatch, out: Path):
    pages = out.with_name('new') / 'pages'
    report(monkeypatch, out, '--pages', str(pages))
    assert {file.name for file in pages.iterdir()} >= {
        'study_toy.html', 'study_toy.md', 'study_toy_1.svg'}


def test_a_recognizer_that_is_not_known_ends_in_a_sentence(monkeypatch, capsys, out: Path):
    for file in (out, scores_file(out)):
        file.write_text(file.read_text().replace('"tsm"', '"slowfast"'))
    with pytest.raises(SystemExit) as ended:
        report(monkeypatch, out)
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        f'study.py: {out} line 1: recognizer must be one of c3d, tsm, tdn, atmnet, r3d, '
        "but got 'slowfast'; remove it\n")
    assert not out.with_suffix('.html').exists()
