from __future__ import annotations

import pytest

from lddm_aug.synthesis.share import share_of_process


def array(task: int, first: int = 0, last: int = 3, step: int = 1, **other: object
          ) -> dict[str, str]:
    """What Slurm tells a task of `--array=first-last:step`."""
    values = dict(SLURM_ARRAY_TASK_ID=task, SLURM_ARRAY_TASK_MIN=first, SLURM_ARRAY_TASK_MAX=last,
                  SLURM_ARRAY_TASK_STEP=step, SLURM_ARRAY_TASK_COUNT=(last - first) // step + 1)
    return {name: str(value) for name, value in (values | other).items()}


def torchrun(rank: int, size: int) -> dict[str, str]:
    return {'RANK': str(rank), 'WORLD_SIZE': str(size), 'LOCAL_RANK': str(rank % 2)}


def srun(task: int, tasks: int) -> dict[str, str]:
    return {'SLURM_PROCID': str(task), 'SLURM_NTASKS': str(tasks), 'SLURM_LOCALID': '0',
            'SLURM_STEP_ID': '0'}


def shares(*environments: dict[str, str]) -> list[tuple[int, int]]:
    found = [share_of_process(environment=each) for each in environments]
    return [(share.shard, share.shards) for share in found]


def test_without_a_launcher_there_is_one_shard():
    assert shares({}, {'SLURM_NTASKS': '4'}, srun(0, 1)) == [(0, 1)] * 3
    assert share_of_process(environment={}).source == ''


@pytest.mark.parametrize('environments', [
    [torchrun(rank, 4) for rank in range(4)],
    [srun(task, 4) for task in range(4)],
    [array(task) for task in range(4)],
    [array(task, 1, 4) for task in range(1, 5)],
    [array(task, 3, 9, 2) for task in range(3, 10, 2)],
    [array(task, 0, 1) | torchrun(rank, 2) for task in range(2) for rank in range(2)],
    [array(task, 0, 1) | srun(rank, 2) for task in range(2) for rank in range(2)],
    [srun(rank // 2, 2) | torchrun(rank, 4) for rank in range(4)]],
    ids=['torchrun', 'srun', 'array', 'array from 1', 'array in steps', 'array of torchrun',
         'array of srun', 'torchrun by srun'])
def test_processes_of_a_launcher_have_all_shards_once(environments):
    assert shares(*environments) == [(shard, 4) for shard in range(4)]


def test_what_says_so_is_named_and_the_local_rank_is_the_launchers():
    share = share_of_process(environment=torchrun(3, 8))
    assert (share.source, share.local_rank) == ('RANK=3, WORLD_SIZE=8', 1)
    assert share_of_process(environment=array(2)).local_rank is None


def test_options_override_the_environment():
    share = share_of_process(5, 6, torchrun(1, 2))
    assert (share.shard, share.shards, share.local_rank) == (5, 6, 1)
    assert share_of_process(0, 1, array(7, 0, 2)).shards == 1


@pytest.mark.parametrize('environment, named', [
    ({'RANK': '1'}, 'WORLD_SIZE'), ({'WORLD_SIZE': '2'}, 'RANK'),
    ({'RANK': '2', 'WORLD_SIZE': '2'}, r'RANK must lie in \[0, 2\)'),
    ({'RANK': 'x', 'WORLD_SIZE': '2'}, "RANK must be a whole number.*'x'"),
    ({'SLURM_ARRAY_TASK_ID': '1'}, 'SLURM_ARRAY_TASK_MIN'),
    (array(4), 'SLURM_ARRAY_TASK_ID=4 is not one of 4'),
    (array(4, 3, 9, 2), 'SLURM_ARRAY_TASK_ID=4 is not'),
    (array(3, 1, 7, SLURM_ARRAY_TASK_COUNT=3), 'SLURM_ARRAY_TASK_ID=3 is not'),     # --array=1,3,7
    ({key: value for key, value in srun(0, 4).items() if key != 'SLURM_STEP_ID'}, 'SLURM_NTASKS'),
    (srun(4, 4), 'SLURM_PROCID')], ids=str)
def test_an_environment_that_contradicts_itself_is_refused(environment, named):
    with pytest.raises(ValueError, match=rf'{named}.*--num-shards and --shard-id'):
        share_of_process(environment=environment)


@pytest.mark.parametrize('shard, shards', [(1, None), (None, 2), (2, 2), (-1, 2)])
def test_options_that_contradict_each_other_are_refused(shard, shards):
    with pytest.raises(ValueError, match='--shard-id'):
        share_of_process(shard, shards, {})
