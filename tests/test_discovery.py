from __future__ import annotations

import subprocess
import sys

import pytest

from lddm_aug.discovery import import_named_modules, import_submodules


def test_every_module_of_a_folder_is_imported_and_its_subpackages_are_too(tmp_path, monkeypatch):
    for folder in ('parts_of_mine', 'parts_of_mine/more'):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / '__init__.py').touch()
    (tmp_path / 'parts_of_mine/one.py').touch()
    monkeypatch.syspath_prepend(tmp_path)
    import_submodules('parts_of_mine')
    assert {'parts_of_mine.one', 'parts_of_mine.more'} <= {*sys.modules}


def test_modules_that_the_environment_names_are_imported_with_the_package(tmp_path):
    (tmp_path / 'my_part.py').write_text("""
from mmaction.registry import MODELS
from lddm_aug.generators import RepeatStill

@MODELS.register_module()
class Mine(RepeatStill):
    pass
""")
    made = subprocess.run(
        [sys.executable, '-c', 'import lddm_aug; from mmaction.registry import MODELS; '
         'print(MODELS.build(dict(type="Mine", size=8)).config)'],
        env=dict(PYTHONPATH=f'{":".join(sys.path)}:{tmp_path}', LDDM_AUG_IMPORTS=' my_part, '),
        capture_output=True, text=True, timeout=300, check=True)
    assert "'type': 'Mine', 'size': 8" in made.stdout


def test_a_module_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv('LDDM_AUG_IMPORTS', 'no_such_part')
    with pytest.raises(ImportError, match="LDDM_AUG_IMPORTS names the module 'no_such_part'"):
        import_named_modules()
