from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from fuzzing.guard import guarded
from fuzzing.parsers import PARSERS, Parser
from hypothesis import given, note, settings
from hypothesis import strategies as st

PROFILE = 'long' if settings.get_current_profile_name() == 'long' else 'short'


@pytest.fixture(scope='module')
def template(tmp_path_factory):
    """template(parser) → a folder with valid files, which were read once."""
    made: dict[str, Path] = {}

    def of(parser: Parser) -> Path:
        if parser.name not in made:
            folder = tmp_path_factory.mktemp('template') / 'files'
            folder.mkdir()
            parser.build(folder)
            made[parser.name] = folder
        return made[parser.name]
    return of


@pytest.mark.parametrize('parser', PARSERS, ids=lambda parser: parser.name)
def test_a_damaged_file_is_read_or_refused_in_one_sentence(parser, template, tmp_path, monkeypatch):
    valid = template(parser)
    folder = tmp_path / 'files'
    monkeypatch.chdir(tmp_path)
    shutil.copytree(valid, folder)
    parser.seal(folder)
    parser.read(folder)                              # as it is; imports what it needs

    profile = settings.get_profile(PROFILE)

    @settings(profile, max_examples=profile.max_examples // (4 if parser.is_slow else 1))
    @given(st.data())
    def read_damaged(data: st.DataObject) -> None:
        shutil.rmtree(folder)
        shutil.copytree(valid, folder)
        for left in tmp_path.iterdir():
            if left != folder:
                shutil.rmtree(left) if left.is_dir() else os.unlink(left)
        content = data.draw(parser.damage((valid / parser.file).read_bytes()))
        (folder / parser.file).write_bytes(content)
        parser.seal(folder)
        note(repr(content[:2000]))
        with guarded(folder):
            parser.read(folder)

    read_damaged()
