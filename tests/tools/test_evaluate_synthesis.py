from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from lddm_aug.generators.package import load_package, save_package
from lddm_aug.generators.repeat_still import RepeatStill

TOOL = Path(__file__).parents[2] / 'tools/evaluate_synthesis.py'


def evaluate(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """Run the tool as from a shell."""
    monkeypatch.setattr(sys, 'argv', ['evaluate_synthesis.py', *map(str, arguments)])
    runpy.run_path(str(TOOL), run_name='__main__')


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A package that repeats stills, and a table of ten videos."""
    save_package(tmp_path / 'package', RepeatStill(16, num_frames=8), [f'p{i}' for i in range(5)])
    random = np.random.default_rng(0)
    rows = ['path,label,group,split']
    for i in range(10):
        np.save(tmp_path / f'{i}.npy', random.integers(0, 256, (24, 16, 16), np.uint8))
        rows.append(f'{i}.npy,{i % 2},p{i},{"train" if i < 5 else "test"}')
    (tmp_path / 'videos.csv').write_text('\n'.join(rows))
    return tmp_path


def test_a_package_becomes_a_table_json_plots_and_a_page(monkeypatch, capsys, data):
    evaluate(monkeypatch, data / 'package', '--videos', data / 'videos.csv', '--device', 'cpu',
             '--out', data / 'out')
    printed = capsys.readouterr().out
    assert 'PSNR, dB' in printed and 'two-sample AUC' in printed
    assert 'fd: no network was given' in printed and 'evaluation.html' in printed
    assert 'was not trained on' not in printed
    results = json.loads((data / 'out' / 'evaluation.json').read_text())
    assert results['protocol']['clips'] == 10 and results['protocol']['training_clips'] == 15


def test_figures_go_into_the_model_card_where_that_is_asked_for(monkeypatch, capsys, data):
    before = load_package(data / 'package').package_sha256
    evaluate(monkeypatch, data / 'package', '--videos', data / 'videos.csv', '--device', 'cpu',
             '--out', data / 'out', '--card')
    psnr = json.loads((data / 'out' / 'evaluation.json').read_text())['psnr_db']
    text = (data / 'package' / 'README.md').read_text()
    assert f'| PSNR, dB | {psnr:.4g} |' in text and '10 real clips of 5 held-out groups' in text
    assert load_package(data / 'package').package_sha256 == before


def test_groups_that_nobody_named_are_said_to_be_unknown(monkeypatch, capsys, data):
    (data / 'package' / 'groups.json').unlink()
    evaluate(monkeypatch, data / 'package', '--videos', data / 'videos.csv', '--device', 'cpu',
             '--out', data / 'out')
    notes = json.loads((data / 'out' / 'evaluation.json').read_text())['notes']
    assert [note for note in notes if note.startswith('groups: the package names 0 of the 5')]
    assert not [note for note in notes if 'was not trained on' in note]


@pytest.mark.parametrize('arguments, says', [
    (['--split', 'train'], 'groups must be held out'),
    (['--split', 'val'], "no row has split 'val'"),
    (['--fd-config', 'r3d.py'], '--fd-config and --fd-checkpoint belong together'),
    (['--reference-fps', '25'], 'has no fps in the table, which reference_fps needs'),
    (['--vgg', 'videos.csv'], 'videos.csv cannot be read as a checkpoint'),
    (['--vgg', 'vgg.pth'], '--vgg: there is no file vgg.pth; give its path, or leave it out'),
    (['--i3d', 'absent.pt'], 'absent.pt')])
def test_bad_input_ends_in_a_sentence(monkeypatch, capsys, data, arguments, says):
    monkeypatch.chdir(data)
    with pytest.raises(SystemExit) as ended:
        evaluate(monkeypatch, 'package', '--videos', 'videos.csv', '--device', 'cpu',
                 '--out', 'out', *arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert says in printed and 'Traceback' not in printed
    assert not (data / 'out').exists()
