from __future__ import annotations

from types import SimpleNamespace

import pytest
from mmengine.config import Config
from torch.utils.data import DataLoader, Dataset

from lddm_aug import cli
from lddm_aug.cli import one_sentence_errors
from lddm_aug.datasets.frames import UnreadableFile


@pytest.mark.parametrize('error, status', [
    (ValueError('a.csv is empty'), 2), (FileNotFoundError('a.csv is missing'), 2),
    (KeyboardInterrupt(), 130), (SyntaxError('a.csv, line 3: invalid syntax'), 2),
    (KeyError('a.csv is not in the mmaction::model registry'), 2),
    (KeyError('`cfg` must contain the key "type", but got a.csv'), 2),
    (TypeError("A.__init__() missing 1 required positional argument: 'a.csv'"), 2),
    (TypeError("A() got an unexpected keyword argument 'a.csv'"), 2)])
def test_what_the_user_can_mend_ends_in_one_line(capsys, error, status):
    with pytest.raises(SystemExit) as ended, one_sentence_errors():
        raise error
    assert ended.value.code == status
    printed = capsys.readouterr().err
    assert printed.endswith(f': {error.args[0] if error.args else "stopped"}\n')
    assert printed.count('\n') == 1


def test_a_defect_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), one_sentence_errors():
        raise ZeroDivisionError


def test_a_name_that_a_config_does_not_define_is_told_with_its_place(capsys, tmp_path):
    config = tmp_path / 'mine.py'
    config.write_text('model = dict()\nepochs = unknown + 1\n')
    with pytest.raises(SystemExit), one_sentence_errors():
        Config.fromfile(config)
    assert capsys.readouterr().err.endswith(f": {config}:2: name 'unknown' is not defined\n")


def test_an_undefined_name_of_ours_keeps_its_traceback():
    with pytest.raises(NameError), one_sentence_errors():
        unknown  # noqa: B018, F821


def test_python_x_dev_shows_the_traceback(monkeypatch):
    developer = SimpleNamespace(argv=[''], flags=SimpleNamespace(dev_mode=True))
    monkeypatch.setattr(cli, 'sys', developer)
    with pytest.raises(ValueError, match='a.csv is empty'), one_sentence_errors():
        raise ValueError('a.csv is empty')


class Unreadable(Dataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> None:
        try:
            raise RuntimeError('a decoder fails')
        except RuntimeError as error:
            raise UnreadableFile('a.avi cannot be read:\n  it is cut off') from error


def test_an_error_in_a_worker_process_is_told_without_its_traceback(capsys):
    with pytest.raises(SystemExit), one_sentence_errors():
        next(iter(DataLoader(Unreadable(), num_workers=1)))
    printed = capsys.readouterr().err
    assert printed.endswith(': a.avi cannot be read:\n  it is cut off\n')
    assert 'Traceback' not in printed


def test_too_little_memory_is_said_in_one_sentence(capsys):
    for error, said in ((MemoryError(), 'there is too little memory'),
                        (MemoryError('there is too little memory to read a.mp4'), 'a.mp4')):
        with pytest.raises(SystemExit) as ended, one_sentence_errors():
            raise error
        assert ended.value.code == 2
        printed = capsys.readouterr().err
        assert said in printed and 'Traceback' not in printed
