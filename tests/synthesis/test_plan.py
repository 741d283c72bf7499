from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lddm_aug.data.annotations import Annotation
from lddm_aug.synthesis.plan import plan_clips, shard_of

STILLS = [Annotation(Path('/b/benign (1).png'), 'benign', 'p1', None, None, 0),
          Annotation(Path('/m/benign (1).png'), 'malignant', 'p2', None, None, 0),
          Annotation(Path('/m/sweep.mp4'), 'malignant', 'p2', 7, None, 0),
          Annotation(Path('/m/sweep.mp4'), 'malignant', 'p2', 8, None, 0),
          Annotation(Path('/m/[Ünï] .png'), 'malignant', 'p3', None, None, 0)]
SHA256S = {path: f'{number:064x}' for number, path in enumerate({still.path for still in STILLS})}


def test_every_still_has_its_clips_in_the_order_of_their_ids():
    plan = plan_clips(STILLS, SHA256S, per_still=3)
    assert Counter(clip.still for clip in plan) == dict.fromkeys(STILLS, 3)
    assert [clip.clip_id for clip in plan] == sorted(clip.clip_id for clip in plan)
    assert all(clip.still_sha256 == SHA256S[clip.still.path] for clip in plan)


def test_clip_ids_are_unique_file_names_without_blanks_even_for_twice_the_same_still():
    ids = [clip.clip_id for clip in plan_clips([*STILLS, *STILLS], SHA256S, per_still=2)]
    assert len({clip_id.lower() for clip_id in ids}) == len(ids) == 20
    assert all(re.fullmatch('[A-Za-z0-9-]+', clip_id) for clip_id in ids)
    assert re.fullmatch('benign-1-[0-9a-f]{12}-0', ids[0])


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


def described(plan):
    return {clip.clip_id: (clip.seed, clip.still_sha256, clip.still.label) for clip in plan}


@pytest.mark.parametrize('shards', [1, 2, 3, 7])
def test_shards_plan_the_same_clips_as_the_whole_with_the_same_ids(shards):
    stills = [*STILLS, *STILLS[:3]]                      # some rows stand there twice
    parts = [plan_clips([still for still in stills if shard_of(still, shards) == shard],
                        SHA256S, per_still=2) for shard in range(shards)]
    whole = plan_clips(stills, SHA256S, per_still=2)
    assert sum(map(len, parts)) == len(whole)
    assert described(clip for part in parts for clip in part) == described(whole)
    assert described(plan_clips(stills[::-1], SHA256S, per_still=2)) == described(whole)


def test_where_a_still_lies_does_not_change_its_ids():
    moved = [replace(still, path=Path('/mount') / str(number) / still.path.name)
             for number, still in enumerate(STILLS)]
    sha256s = {there.path: SHA256S[still.path] for still, there in zip(STILLS, moved, strict=True)}
    assert described(plan_clips(moved, sha256s)) == described(plan_clips(STILLS, SHA256S))
    assert [shard_of(still, 5) for still in moved] == [shard_of(still, 5) for still in STILLS]


def test_no_clips_per_still_is_refused():
    with pytest.raises(ValueError, match=r'per_still .*1, but got 0'):
        plan_clips(STILLS, SHA256S, per_still=0)
