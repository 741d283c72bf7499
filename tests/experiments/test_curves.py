"""Curves of trainings: read from their folders, written, and read back."""
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lddm_aug.commands import run_command
from lddm_aug.experiments.curves import read_curves, write_curves

RESULTS = Path(__file__).parents[2] / 'docs/results'


def write(folder, **figures):
    """A work dir whose autoencoder had this PSNR at these iterations."""
    folder.mkdir()
    rows = [dict(iter=int(step[1:]), psnr_db=psnr, still_psnr_db=20.)
            for step, psnr in figures.items()]
    (folder / 'training.json').write_text(json.dumps(
        dict(autoencoder=dict(validation=rows), diffusion={})))
    return folder


def test_trainings_are_compared_step_by_step(tmp_path, capsys):
    short, long = write(tmp_path / 'short', _0=21, _50=22.256), write(tmp_path / 'b', _0=19, _90=25)
    out = tmp_path / 'curves.json'
    run_command(lambda: None, ['curves', f'new start={long}', str(short), '--out', str(out)])
    assert capsys.readouterr().out.splitlines()[2:] == [
        '| new start | 19.00 |  | 25.00 |', '| short | 21.00 | 22.26 |  |']
    chart = out.with_suffix('.svg').read_text()
    assert all(name in chart for name in ('new start', 'short', 'repeated still, 20.00 dB'))
    rows = read_curves([('', out)])
    assert rows == read_curves([('new start', long), ('short', short)])


def test_what_has_no_curve_is_refused(tmp_path):
    run = write(tmp_path / 'run', _0=21)
    with pytest.raises(FileNotFoundError, match=r'training\.json'):
        read_curves([('a', tmp_path)])
    with pytest.raises(ValueError, match='twice'):
        read_curves([('a', run), ('a', run)])
    with pytest.raises(ValueError, match='val_interval'):
        read_curves([('a', write(tmp_path / 'never'))])
    (tmp_path / 'list.json').write_text('[{"training": "a", "iter": "0", "psnr_db": 1}]')
    with pytest.raises(ValueError, match=r'list\.json.*iter'):
        read_curves([('a', tmp_path / 'list.json')])


def test_the_page_on_fine_tuning_shows_its_rows(tmp_path):
    kept = RESULTS / 'fine_tuning.json'
    table = write_curves(read_curves([('', kept)]), tmp_path / 'again.json')
    for ending in ('.json', '.svg'):
        again = (tmp_path / 'again.json').with_suffix(ending).read_bytes()
        assert again == kept.with_suffix(ending).read_bytes()
    page = re.sub(r'\*', '', (RESULTS / 'fine_tuning.md').read_text(encoding='utf-8'))
    assert all(line in page for line in table)
