"""tools/audit_data.py and tools/make_splits.py, as a user calls them."""
from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import lddm_aug
from lddm_aug.data.splits import read_split

TOOLS = Path(lddm_aug.__file__).parents[1] / 'tools'


@pytest.fixture
def call(monkeypatch, capsys):
    """call(tool, *arguments) → exit status, what it printed, its error."""
    def run(tool: str, *arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, 'argv', [tool, *map(str, arguments)])
        try:
            runpy.run_path(str(TOOLS / tool), run_name='__main__')
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
        return status, *capsys.readouterr()
    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Ten patients, two videos each; the videos of p0 and p9 are the same."""
    rows = ['path,label,group']
    for patient in range(10):
        for number in range(2):
            draw = np.random.default_rng([patient % 9, number])
            name = f'p{patient}_{number}.npy'
            np.save(tmp_path / name, draw.integers(0, 255, (17, 32, 32), dtype=np.uint8))
            rows.append(f'{name},{"ab"[patient % 2]},p{patient}')
    (tmp_path / 'videos.csv').write_text('\n'.join(rows))
    return tmp_path


def test_an_audit_before_the_split_keeps_copies_on_one_side_after_it(data: Path, call):
    status, printed, _ = call('audit_data.py', data / 'videos.csv', '--jobs', 1)
    assert status == 0 and 'not divided' in printed
    assert (data / 'audit' / 'audit.html').is_file()

    status, printed, _ = call('make_splits.py', data, '--seeds', 3, '--audit',
                              data / 'audit' / 'audit.json')
    assert status == 0 and '7_3_seed3' in printed
    for name in '7_3_seed3', '5_5_seed3', '3_7_seed3':
        split = read_split(data / 'splits' / f'{name}.csv', data.resolve())
        side = {path.name.split('_')[0]: part for path, part in split.items()}
        assert side['p0'] == side['p9']
        status, printed, _ = call('audit_data.py', data / 'videos.csv', '--jobs', 1, '--splits',
                                  data / 'splits' / f'{name}.csv')
        assert status == 0 and 'No leakage found' in printed


def test_leakage_ends_with_status_1(data: Path, call):
    table = data / 'videos.csv'
    header, *lines = table.read_text().splitlines()
    table.write_text('\n'.join([f'{header},split', *(
        f'{line},{"test" if "p9" in line else "train"}' for line in lines)]))
    status, printed, _ = call('audit_data.py', table, '--jobs', 1, '--out', data / 'elsewhere')
    assert status == 1 and printed.startswith('LEAKAGE: 2 groups or pictures')
    assert (data / 'elsewhere' / 'audit.json').is_file()


def test_a_split_by_video_says_what_it_risks_and_is_named_so(data: Path, call):
    status, printed, _ = call('make_splits.py', data, '--by-video', '--ratios', '5:5')
    assert status == 0 and 'recognize the patient instead of the disease' in printed
    assert [file.name for file in (data / 'splits').iterdir()] == ['5_5_seed0_by_video.csv']


def test_groups_with_stills_stay_in_training(data: Path, call):
    (data / 'stills.csv').write_text('path,label,group,frame\np2_0.npy,a,p2,3\n')
    status, printed, _ = call('make_splits.py', data, '--folds', 2)
    assert status == 0 and '1 groups have stills' in printed
    for fold in 1, 2:
        split = read_split(data / 'splits' / f'fold_{fold}_of_2_seed0.csv', data.resolve())
        assert split[data.resolve() / 'p2_1.npy'] == 'train'


def test_bad_input_ends_in_one_sentence(data: Path, call):
    for arguments, sentence in (
            (['make_splits.py', data, '--ratios', '7'], 'a ratio is train:test, as in 7:3'),
            (['make_splits.py', data / 'no'], 'there is no such table'),
            (['audit_data.py', data / 'no.csv'], 'there is no such table'),
            (['make_splits.py', data, '--folds', '6'], 'has 5 groups, but 6 folds need 6')):
        status, _, error = call(*arguments)
        assert status == 2 and sentence in error and error.count('\n') == 1
