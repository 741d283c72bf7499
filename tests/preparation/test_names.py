from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lddm_aug.preparation.groups import OwnGroup
from lddm_aug.preparation.names import as_value, printable, without_ending

bytes_of_names = st.binary(min_size=1, max_size=40).filter(lambda raw: b'\0' not in raw
                                                           and b'/' not in raw)


@given(st.sets(bytes_of_names, min_size=2))
def test_every_name_has_a_printable_form_of_its_own(names: set[bytes]):
    shown = {printable(os.fsdecode(name)) for name in names}
    assert len(shown) == len(names)
    for name in shown:
        name.encode()
        assert '\n' not in name and '\0' not in name


@pytest.mark.parametrize('raw, shown', [
    (b'M\xfcller', r'M\xfcller'), ('Müller'.encode(), 'Müller'), (b'a\nb', r'a\nb'),
    (b'plain (1), "x"', 'plain (1), "x"'), (b'back\\slash', r'back\\slash')])
def test_only_what_no_table_takes_is_escaped(raw: bytes, shown: str):
    assert printable(os.fsdecode(raw)) == shown


def test_accents_count_the_same_however_they_are_written():
    both = {unicodedata.normalize(form, 'gutärtig ') for form in ('NFC', 'NFD')}
    assert {as_value(name) for name in both} == {'gutärtig'} and len(both) == 2


@pytest.mark.parametrize('name, group', [
    ('a/1.2.840.1', 'a/1.2.840.1'), ('case.01', 'case.01'), ('2021.03.15', '2021.03.15'),
    ('a.b.mp4', 'a.b'), ('a.PNG', 'a'), ('a.b/c', 'a.b/c'), ('.png', '.png')])
def test_only_the_ending_of_a_video_or_a_still_is_cut_off(name: str, group: str):
    assert without_ending(name) == OwnGroup()(name) == group


def test_a_pattern_takes_no_half_of_a_name_that_is_not_utf_8():
    group_of = OwnGroup(r'(\w+)_')
    assert group_of(os.fsdecode(b'p1_\xfc.mp4')) == 'p1'
    for name in (b'M\xfcller_1.mp4', b'\xfc\xe4_1.mp4'):
        with pytest.raises(ValueError, match=r'not UTF-8|finds no group'):
            group_of(os.fsdecode(name))
