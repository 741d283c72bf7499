import json

import numpy as np
import pytest

from lddm_aug.resumable_steps import ResumableSteps, fingerprint, peak_rss_mb


@pytest.fixture
def call(tmp_path):
    """One call with one step; returns its result and whether it was run."""
    def call(inputs, fail=False):
        worked = []
        output = tmp_path / 'output'

        def work():
            worked.append(sorted(path.name for path in output.glob('*')))
            output.mkdir(exist_ok=True)
            (output / f'file{inputs["seed"]}').write_text('')
            if fail:
                raise KeyboardInterrupt
            return {'value': inputs['seed'] * 10}

        result = ResumableSteps(tmp_path).run('a step', inputs, output, work)
        return result, worked
    return call


def test_a_step_done_with_the_same_inputs_is_not_done_again(call):
    assert call({'seed': 1}) == ({'value': 10}, [[]])
    assert call({'seed': 1}) == ({'value': 10}, [])


def test_other_inputs_do_it_again_from_nothing(call):
    call({'seed': 1})
    assert call({'seed': 2}) == ({'value': 20}, [[]])


def test_an_interrupted_step_finds_its_output(call):
    with pytest.raises(KeyboardInterrupt):
        call({'seed': 1}, fail=True)
    assert call({'seed': 1}) == ({'value': 10}, [['file1']])


def test_a_missing_output_is_made_again(call, tmp_path):
    call({'seed': 1})
    (tmp_path / 'output' / 'file1').unlink()
    (tmp_path / 'output').rmdir()
    assert call({'seed': 1}) == ({'value': 10}, [[]])


def test_a_folder_with_other_content_is_not_changed(call, tmp_path):
    (tmp_path / 'output').mkdir()
    (tmp_path / 'output' / 'thesis.doc').write_text('')
    with pytest.raises(ValueError, match='output exists'):
        call({'seed': 1})
    assert (tmp_path / 'output' / 'thesis.doc').exists()


def test_forgotten_steps_are_removed_and_done_again(call, tmp_path):
    call({'seed': 1})
    ResumableSteps(tmp_path).forget()
    assert not (tmp_path / 'output').exists()
    assert call({'seed': 1}) == ({'value': 10}, [[]])


def test_only_a_step_that_was_done_with_the_same_inputs_is_found(call, tmp_path):
    steps, output = ResumableSteps(tmp_path), tmp_path / 'output'
    assert steps.find('a step', {'seed': 1}, output) is None
    call({'seed': 1})
    assert steps.find('a step', {'seed': 1}, output)['result'] == {'value': 10}
    assert steps.find('a step', {'seed': 2}, output) is None


def test_a_fingerprint_changes_with_a_hook_but_not_with_a_guard():
    hooks = [dict(type='DataGuardHook'), dict(type='EMAHook', momentum=0.1)]
    plain = fingerprint({'configs': [dict(custom_hooks=hooks)]})
    guarded = [*hooks[:1], dict(type='SamplerGuardHook'), *hooks[1:]]
    assert fingerprint({'configs': [dict(custom_hooks=guarded)]}) == plain
    assert fingerprint({'configs': [dict(custom_hooks=hooks[:1])]}) != plain


def test_seconds_of_an_earlier_call_count(call, tmp_path):
    call({'seed': 1})
    note = json.loads((tmp_path / 'steps' / 'a_step.json').read_bytes())
    steps = ResumableSteps(tmp_path)
    steps.run('a step', {'seed': 1}, tmp_path / 'output', dict)
    assert steps.seconds_of_earlier_calls == note['seconds'] > 0


def test_peak_memory_grows_by_what_is_held():
    before = peak_rss_mb()
    held = np.ones((int(before) + 64) << 17)         # as many MiB of float64
    assert peak_rss_mb() >= held.nbytes / (1 << 20)


def test_a_damaged_record_is_named(call, tmp_path):
    call({'seed': 1})
    (tmp_path / 'steps' / 'a_step.json').write_text('{')
    with pytest.raises(ValueError, match=r'steps/a_step\.json is not JSON'):
        call({'seed': 1})


@pytest.mark.parametrize('make', [
    lambda outside: str(outside), lambda outside: f'../{outside.name}', lambda _: 'link/precious',
    lambda _: 'link', lambda _: '.', lambda _: 'output/../../outside'])
def test_forgetting_removes_nothing_outside_the_folder(tmp_path, make):
    folder, outside = tmp_path / 'work', tmp_path / 'outside'
    for each in (folder / 'steps', folder / 'output', outside / 'precious'):
        each.mkdir(parents=True)
    (folder / 'link').symlink_to(outside)
    record = dict(inputs='', seconds=0, peak_rss_mb=0)
    for name, output in (('a', 'output'), ('b', make(outside))):
        (folder / f'steps/{name}.json').write_text(json.dumps(record | dict(output=output)))
    with pytest.raises(ValueError, match=r'steps/b\.json names an output outside'):
        ResumableSteps(folder).forget()
    assert (outside / 'precious').is_dir() and (folder / 'output').is_dir()


@pytest.mark.parametrize('record', [
    [], {}, dict(inputs='', output=1, seconds=0, peak_rss_mb=0), None,
    dict(inputs='', output='output', seconds='1', peak_rss_mb=0),
    dict(inputs='', output='output', seconds=0, peak_rss_mb=0, result=[])])
def test_a_record_of_wrong_types_is_named(call, tmp_path, record):
    call({'seed': 1})
    (tmp_path / 'steps' / 'a_step.json').write_text(json.dumps(record))
    for use in (lambda: call({'seed': 1}), ResumableSteps(tmp_path).forget):
        with pytest.raises(ValueError, match=r'steps/a_step\.json (must hold|lacks)'):
            use()
