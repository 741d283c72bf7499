"""Without the extras, what trains and synthesizes works, and the rest says what to install."""
from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from contextlib import ExitStack, nullcontext
from copy import deepcopy
from pathlib import Path

import pytest
from mmengine.config import Config, ConfigDict

from lddm_aug.commands import run_command, train
from lddm_aug.configs import find_config, read_config
from lddm_aug.engine import generator_training, training_record
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.runner_config import drop_missing_backends
from lddm_aug.extras import MODULES, MissingExtraError, require_extra

ROOT = Path(__file__).parents[1]
# what diffusers and MMEngine need themselves is there in any case
BROUGHT_ALONG = ('huggingface_hub', 'matplotlib')
MISSING = [name for names in MODULES.values() for name in names if name not in BROUGHT_ALONG]


CORE = ('lddm_aug', 'lddm_aug.engine.generator_training', 'lddm_aug.engine.recognizer_training',
        'lddm_aug.engine.mmaction_tool', 'lddm_aug.synthesis.synthesize',
        'lddm_aug.preparation.folder', 'lddm_aug.experiments.demo.flow')


def test_the_core_is_imported_without_them():
    code = (f'import sys; sys.modules.update(dict.fromkeys({MISSING}))\n'
            f'import {", ".join(CORE)}')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def config() -> Config:
    return Config(dict(visualizer=dict(vis_backends=[
        dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])))


def test_without_tensorboard_a_training_draws_no_curves_there(monkeypatch, config):
    drop_missing_backends(config)
    assert len(config.visualizer.vis_backends) == 2
    monkeypatch.setitem(sys.modules, 'tensorboard', None)
    drop_missing_backends(config)
    assert config.visualizer.vis_backends == [dict(type='LocalVisBackend')]


@pytest.mark.parametrize('missing, raised', [('tensorboard', None), ('wandb', MissingExtraError)])
def test_both_trainings_look_for_the_backends_before_anything_is_built(
        monkeypatch, tmp_path, missing, raised):
    """The generator's and the recognizer's, as far as their checks go."""
    text = dict(type='A', vis_backends=[dict(type='TensorboardVisBackend')])
    if raised:
        text['vis_backends'].append(dict(type='WandbVisBackend'))
    monkeypatch.setitem(sys.modules, missing, None)
    config = read_config('tsm_phantom_real')
    [stage, *_] = stage_configs(find_config('lddm/lddm'), choice={'DATASET': 'phantom'}).values()
    config.merge_from_dict(dict(launcher='none', work_dir=str(tmp_path / 'work'),
                                visualizer=deepcopy(text)))
    stage.visualizer = ConfigDict(deepcopy(text))
    monkeypatch.setattr(training_record, 'keep_record', lambda config, checkpoint: None)
    for check in (lambda held: train._check(config, Namespace(resume=None, amp=False), None, held),
                  lambda held: generator_training._check(
                      dict(autoencoder=stage), Path('package'), 'none')):
        with pytest.raises(raised) if raised else nullcontext(), ExitStack() as held:
            check(held)
    if not raised:
        assert config.visualizer.vis_backends == stage.visualizer.vis_backends == []


def test_without_wandb_a_config_that_names_it_is_refused(monkeypatch, config):
    config.visualizer.vis_backends.append(dict(type='WandbVisBackend'))
    monkeypatch.setitem(sys.modules, 'wandb', None)
    with pytest.raises(MissingExtraError, match='wandb'):
        drop_missing_backends(config)


@pytest.mark.parametrize('arguments, extra, missing', [
    (['audit', 'videos.csv'], 'audit', 'imagehash'), (['analysis'], 'report', 'fvcore'),
    (['synthesize', 'package', '--stills', 'videos.csv', '--out', 'out', '--engine', 'ray'],
     'ray', 'ray'),
    (['prepare', 'dicom', 'files', '--out', 'out'], 'dicom', 'gdcm')])
def test_a_missing_extra_is_named_in_one_message(monkeypatch, capsys, tmp_path, arguments, extra,
                                                 missing):
    (tmp_path / 'files').mkdir()
    (tmp_path / 'videos.csv').write_text('path,label,group\nfiles,a,p\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, missing, None)
    for name in [name for name in sys.modules if name.startswith('lddm_aug.preparation.dicom')]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: None, arguments)
    printed = capsys.readouterr().err
    assert ended.value.code == 2 and printed.count('\n') == 1
    assert missing in printed and f"pip install 'lddm-aug[{extra}]'" in printed


def test_what_is_installed_is_required_in_vain():
    require_extra('report', 'this test', 'matplotlib')
    with pytest.raises(MissingExtraError) as raised:
        require_extra('report', 'this test', 'matplotlib', 'no_such_module')
    assert raised.value.name == 'no_such_module'
