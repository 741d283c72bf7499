"""One command finds what another one made, from the same words alone."""
from __future__ import annotations

from pathlib import Path

import pytest
from mmaction.registry import DATASETS
from mmengine.registry import init_default_scope

from lddm_aug.commands import run_command
from lddm_aug.configs import DEFAULTS, choose, environment, read_config
from lddm_aug.generators.package import load_package
from lddm_aug.store.manifest import read_manifest


def call(*arguments: object) -> None:
    with environment(DEFAULTS):                      # the command sets what is chosen
        run_command(lambda: None, [*map(str, arguments)])


@pytest.mark.parametrize('options, ending', [
    ([], ''), (['--size', 32, '--frames', 8, '--stride', 6], '_32_8frames_stride6')])
def test_generator_clips_and_training_set_of_a_folder_find_each_other(
        options, ending, videos, stills, tmp_path, monkeypatch):
    """From a folder elsewhere, with paths that are relative."""
    monkeypatch.chdir(tmp_path.parent)
    data = Path(tmp_path.name)
    for command in ('train-generator', 'synthesize'):
        call(command, '--recipe', 'repeat_still', '--data', data, *options)
    package = load_package(data / f'generators/repeat_still{ending}/package')
    clips = read_manifest(data / f'synthetic/still{ending}')
    assert len(clips.rows) == 5 and {row['package_sha256'] for row in clips.rows} == {
        package.package_sha256}

    init_default_scope('mmaction')
    shape = dict(zip(('size', 'frames', 'stride'), options[1::2], strict=False))
    chosen = choose(data, training_set='still_mix', recognizer='tsm_small', **shape)
    mix = DATASETS.build(read_config('recognizer', chosen).train_dataloader.dataset)
    assert {mix.get_data_info(index)['origin'] for index in range(len(mix))} == {
        'real', 'synthetic'}


@pytest.mark.parametrize('words, named', [
    (['train', '--recognizer', 'tsm'], '--data'), (['train-generator'], '--data'),
    (['synthesize'], 'PACKAGE'),
    (['train', '--recognizer', 'tsm', '--data', 'phantm'], 'phantom'),
    (['train', '--data', 'phantom', '--recognizer', 'tms'], 'tsm'),
    (['train', '--data', 'phantom', '--recognizer', 'tsm', '--training-set', 'lddm_mx'],
     'lddm_mix'),
    (['train-generator', 'phantom', '--size', 100], '100'),
    (['train-generator', '--recipe', 'lddn'], 'lddm')])
def test_what_cannot_be_chosen_ends_in_a_message_that_names_it(words, named, capsys):
    with pytest.raises(SystemExit) as ended:
        call(*words)
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert error.startswith(f'lddm-aug {words[0]}: ') and error.count('\n') == 1
    assert named in error


def test_the_last_weights_are_tested_where_none_are_named(videos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path.parent)
    words = ['test', 'recognizer', '--recognizer', 'tsm_small', '--data', tmp_path.name]
    folder = tmp_path / 'recognizers/tsm_small_real'
    for checkpoint, named in (('', f'{tmp_path.name}/recognizers/tsm_small_real'),
                              ('iter_2.pth', 'iter_2.pth cannot be read as a checkpoint')):
        if checkpoint:
            folder.mkdir(parents=True)
            (folder / checkpoint).write_bytes(b'junk')
            (folder / 'last_checkpoint').write_text(f'elsewhere/{checkpoint}')
        with pytest.raises(SystemExit):
            call(*words)
        assert named in capsys.readouterr().err
