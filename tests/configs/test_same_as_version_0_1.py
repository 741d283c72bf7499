"""Every training that version 0.1 had a config for is the same today, wherever it is said now.

The record holds, by the name of the file in 0.1, where the config is now, and two digests of what a
Runner read of it: its models, and everything else.  Two things differ: the lungs' classes are named
in every data set now, where `r3d_covid_blues_*` took those of the table, which are the same, and
SampleTempo is called SamplePlaybackRate in `r3d_*_tempo`.  A third is put back before a digest is
taken: recognizers have LDDMDataPreprocessor, which does with these data what MMAction2's does.  So
is the batch size that --auto-scale-lr begins from, which was MMAction2's beside another rate.
Where a config is meant to change, its digests are changed with it.
"""
import hashlib
import json
from pathlib import Path

import pytest

from lddm_aug.configs import find_config
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.runner_config import READ

RECORD = json.loads(Path(__file__).with_name('version_0_1.json').read_text())
MODELS = ('model', 'generator', 'bank')


def digest(config) -> str:
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize('name', RECORD)
def test_models_and_training_are_those_of_0_1(name):
    now = RECORD[name]
    stages = stage_configs(find_config(now['config']), choice=now['choice'])
    config = stages[now.get('stage', '')].to_dict()
    if now['config'] in ('recognizer', 'r3d_tempo'):
        config.pop('work_dir')                       # said by MMAction2's tool before
    preprocessor = config.get('model', {}).get('data_preprocessor') or {}
    if preprocessor.get('type') == 'LDDMDataPreprocessor':
        preprocessor['type'] = 'ActionDataPreprocessor'
    if 'auto_scale_lr' in config:
        config['auto_scale_lr']['base_batch_size'] = 240 if 'C3D' in str(config['model']) else 128
    read = {key: value for key, value in config.items() if key in READ}
    models = {key: value for key, value in read.items() if key in MODELS}
    others = {key: value for key, value in read.items() if key not in MODELS}
    assert (digest(models), digest(others)) == (now['models'], now['training'])


def test_nothing_of_0_1_is_forgotten():
    assert len(RECORD) == 87                         # 138 files less the parts and lists of stages
