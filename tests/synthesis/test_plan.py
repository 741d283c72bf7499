from __future__ import annotations

import re
from pathlib import Path

import pytest

from lddm_aug.data.annotations import Annotation
from lddm_aug.synthesis.plan import plan_clips

STILLS = [Annotation(Path('/b/benign (1).png'), 'benign', 'p1', None, None, 0),
          Annotation(Path('/m/benign (1).png'), 'malignant', 'p2', None, None, 0),
          Annotation(Path('/m/sweep.mp4'), 'malignant', 'p2', 7, None, 0),
          Annotation(Path('/m/sweep.mp4'), 'malignant', 'p2', 8, None, 0),
          Annotation(Path('/m/[Ünï] .png'), 'malignant', 'p3', None, None, 0)]
SHA256S = {path: f'{number:064x}' for number, path in enumerate({still.path for still in STILLS})}


def test_every_still_has_its_clips_in_order():
    plan = plan_clips(STILLS, SHA256S, per_still=3)
    assert [clip.still for clip in plan] == [still for still in STILLS for _ in range(3)]
    assert all(clip.still_sha256 == SHA256S[clip.still.path] for clip in plan)


def test_clip_ids_are_unique_file_names_without_blanks_even_for_twice_the_same_still():
    ids = [clip.clip_id for clip in plan_clips([*STILLS, *STILLS], SHA256S, per_still=2)]
    assert len({clip_id.lower() for clip_id in ids}) == len(ids) == 20
    assert all(re.fullmatch('[A-Za-z0-9-]+', clip_id) for clip_id in ids)
    assert ids[0] == '00-benign-1-0'


def test_seeds_differ_between_stills_frames_and_clips_of_a_still():
    seeds = {clip.seed for clip in plan_clips(STILLS, SHA256S, per_still=4)}
    assert len(seeds) == 20
    assert seeds.isdisjoint(clip.seed for clip in plan_clips(STILLS, SHA256S, 4, seed=1))


def test_a_clips_seed_does_not_depend_on_the_list_it_stands_in():
    def seeds(stills, per_still):
        plan = plan_clips(stills, SHA256S, per_still)
        return {clip.seed for clip in plan if clip.still == STILLS[2]}

    assert seeds(STILLS, 2) == seeds(STILLS[::-1], 2) == seeds([STILLS[2]], 2)
    assert seeds(STILLS, 2) < seeds(STILLS, 3)


def test_no_clips_per_still_is_refused():
    with pytest.raises(ValueError, match=r'per_still .*1, but got 0'):
        plan_clips(STILLS, SHA256S, per_still=0)
