"""The configs in docs/extending.md give what the page says, from the one file that it shows."""
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.registry import init_default_scope

from lddm_aug.configs import choose, generator_folder, read_config, store_folder
from lddm_aug.engine.config_stages import build_generator, stage_configs
from lddm_aug.experiments.analysis import input_shape

PAGE = (Path(__file__).parents[2] / 'docs/extending.md').read_text()


def write_example(title: str, folder: Path) -> Path:
    """Write the only file that a section shows; its path."""
    [section] = [part for part in re.split(r'^## ', PAGE, flags=re.MULTILINE)
                 if part.startswith(f'{title} (1 file)')]
    [text] = re.findall(r'```python\n(.*?)```', section, re.DOTALL)
    path = folder / re.match(r'# (\S+\.py)\n', text)[1]
    path.write_text(text)
    return path


def test_a_recognizer_of_ones_own_takes_what_its_pipeline_gives(tmp_path):
    config = read_config('recognizer', choose(
        'phantom', recognizer=str(write_example('A recognizer', tmp_path))))
    init_default_scope('mmaction')
    shape = input_shape(config)
    assert shape == (1, 3, 8, 224, 224)              # (views, C, T, H, W)
    with torch.no_grad():
        scores = MODELS.build(config.model).eval()(torch.zeros(1, *shape), stage='head')
    assert scores.shape == (1, 2)
    assert config.work_dir == 'work_dirs/slowonly_phantom_real'


@pytest.mark.parametrize('size, ending', [(None, ''), (128, '_128')])
def test_a_data_set_of_ones_own_has_generators_and_training_sets(tmp_path, size, ending):
    choice = choose(write_example('A data set', tmp_path), size=size)
    for recipe in ('lddm', 'cinn', 'repeat_still'):
        for stage in stage_configs(Path(read_config(f'lddm/{recipe}').filename),
                                   choice=choice).values():
            if 'generator' in stage:
                assert build_generator(stage).size == (size or 96)
    lddm = read_config('lddm/lddm', choice)
    assert generator_folder(lddm) == Path(f'work_dirs/lddm/hearts{ending}')
    assert lddm.stages.autoencoder.train_cfg.max_iters == 3000
    mix = read_config('recognizer', {**choice, 'TRAINING_SET': 'lddm_mix'})
    assert mix.train_dataloader.dataset.synthetic.store == str(store_folder(lddm))
    assert mix.test_dataloader.dataset.classes == ('healthy', 'ill')


def test_a_clip_length_needs_no_file():
    assert '## A clip length (0 files)' in PAGE
    stages = stage_configs(Path(read_config('lddm/lddm').filename),
                           choice=choose('phantom', size=128, frames=32, stride=2))
    generator = build_generator(stages['diffusion'])
    assert (generator.size, generator.num_frames, generator.frame_stride) == (128, 32, 2)


def test_a_training_set_of_ones_own_is_known_by_its_name_everywhere(tmp_path):
    module = write_example('A training set', tmp_path).stem
    code = """
from lddm_aug.configs import choose, read_config
from lddm_aug.experiments.study.training_sets import TrainingSet
config = read_config('recognizer', choose('phantom', training_set='two_generators_mix'))
dataset = config.train_dataloader.dataset
assert dataset.type == 'LDDMMixedDataset'
assert [part.store.rpartition('_')[2] for part in dataset.synthetic.datasets] == [
    'lddm', 'cinn', 'cinn']
assert TrainingSet.parse('two_generators_mix').generator == 'cinn'
"""
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=300,
                         env=dict(PYTHONPATH=':'.join([*sys.path, str(tmp_path)]),
                                  LDDM_AUG_IMPORTS=module))
    assert ran.returncode == 0, ran.stderr
