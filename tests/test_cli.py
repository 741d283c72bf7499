from __future__ import annotations

from types import SimpleNamespace

import pytest

from lddm_aug import cli
from lddm_aug.cli import one_sentence_errors


@pytest.mark.parametrize('error, status', [
    (ValueError('a.csv is empty'), 2), (FileNotFoundError('a.csv is missing'), 2),
    (KeyboardInterrupt(), 130)])
def test_what_the_user_can_mend_ends_in_one_line(capsys, error, status):
    with pytest.raises(SystemExit) as ended, one_sentence_errors():
        raise error
    assert ended.value.code == status
    printed = capsys.readouterr().err
    assert str(error) in printed
    assert printed.count('\n') == 1


def test_a_defect_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), one_sentence_errors():
        raise ZeroDivisionError


def test_python_x_dev_shows_the_traceback(monkeypatch):
    developer = SimpleNamespace(argv=[''], flags=SimpleNamespace(dev_mode=True))
    monkeypatch.setattr(cli, 'sys', developer)
    with pytest.raises(ValueError, match='a.csv is empty'), one_sentence_errors():
        raise ValueError('a.csv is empty')
