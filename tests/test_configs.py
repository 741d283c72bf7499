"""Every config in mmaction_configs, wherever it lies, is found, read and built."""
import ast
from pathlib import Path

import pytest
from mmaction.registry import (
    DATA_SAMPLERS,
    DATASETS,
    HOOKS,
    LOOPS,
    METRICS,
    MODELS,
    OPTIM_WRAPPER_CONSTRUCTORS,
    OPTIMIZERS,
    PARAM_SCHEDULERS,
    TRANSFORMS,
)
from mmengine.config import Config
from mmengine.registry import init_default_scope

import lddm_aug  # noqa: F401  registers what the configs name

ROOT = Path(__file__).parents[1] / 'mmaction_configs'
CONFIGS = sorted(path for path in ROOT.rglob('*.py') if '_base_' not in path.parts)
RECOGNIZERS = [path for path in CONFIGS if path.parent == ROOT]
TEMPOS = [path for path in RECOGNIZERS if path.stem.endswith('_tempo')]   # with their own labels

# where a part stands in a config → who must know its type
REGISTRIES = {
    'dataset': DATASETS, 'real': DATASETS, 'synthetic': DATASETS, 'clips': DATASETS,
    'pipeline': TRANSFORMS, 'sampler': DATA_SAMPLERS,
    'val_evaluator': METRICS, 'test_evaluator': METRICS,
    'train_cfg': LOOPS, 'val_cfg': LOOPS, 'test_cfg': LOOPS,
    'default_hooks': HOOKS, 'custom_hooks': HOOKS, 'param_scheduler': PARAM_SCHEDULERS,
    'optimizer': OPTIMIZERS, 'model': MODELS, 'generator': MODELS,
}
DATA = ('clips', 'pipeline')                         # that a hook may hold as well
TRAINING = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator',
            'test_evaluator', 'train_cfg', 'val_cfg', 'test_cfg', 'default_hooks', 'custom_hooks',
            'param_scheduler', 'optim_wrapper', 'model', 'generator')


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def by_name(pattern: str) -> list[Path]:
    found = sorted(ROOT.glob(pattern))
    assert found, f'no config is called {pattern}'
    return found


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmaction')


def parts(value, place=''):
    """(place, dict) of everything with a type; what a list or a hook's name holds stands there."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from parts(item, place)
    elif isinstance(value, dict):
        if 'type' in value:
            yield place, value
        for key, item in value.items():
            yield from parts(item, key if place != 'default_hooks' or key in DATA else place)


@pytest.mark.parametrize('path', CONFIGS, ids=name)
def test_a_config_opens_with_its_question(path):
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8')))
    assert docstring, f'{name(path)} has no docstring'
    if 'stages' not in Config.fromfile(path):                # such a config only lists others
        assert '?' in docstring


@pytest.mark.parametrize('path', CONFIGS, ids=name)
def test_a_model_builds_and_every_type_is_registered(path):
    config = Config.fromfile(path)
    if 'stages' in config:
        for stage in config.stages.values():
            assert path.parent / stage in CONFIGS
        return
    if 'model' not in config:                                # a control has nothing to learn
        assert MODELS.build(config.generator)
        return
    MODELS.build(config.model)                               # no weights are loaded before training
    training = {key: config[key] for key in TRAINING if key in config}
    known = {place for place, part in parts(training)
             if place in REGISTRIES and REGISTRIES[place].get(part['type'])}
    unknown = {(place, part['type']) for place, part in parts(training)
               if place in REGISTRIES and REGISTRIES[place].get(part['type']) is None}
    assert not unknown
    assert {'model', 'dataset', 'sampler', 'optimizer', 'train_cfg', 'default_hooks'} <= known
    constructor = config.optim_wrapper.get('constructor', 'DefaultOptimWrapperConstructor')
    assert OPTIM_WRAPPER_CONSTRUCTORS.get(constructor)


@pytest.mark.parametrize('path', RECOGNIZERS, ids=name)
def test_nothing_of_the_inherited_data_sets_is_left(path):
    config = Config.fromfile(path)
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert not {'kinetics400', 'ucf101'} & set(str(config[key]).replace('/', "'").split("'"))
    assert config.test_evaluator == {'type': 'RecognitionMetric'}
    if path not in TEMPOS:
        assert config.val_evaluator == config.test_evaluator
        assert config.test_dataloader == config.val_dataloader


@pytest.mark.parametrize('path', TEMPOS, ids=name)
def test_a_network_of_tempos_is_asked_for_them_in_validation_and_sees_clips_as_they_are(path):
    config = Config.fromfile(path)
    classes = Config.fromfile(path.with_name(path.name.replace('_tempo', '_real')))
    steps = {loader: [step.type for step in config[f'{loader}_dataloader'].dataset.pipeline]
             for loader in ('train', 'val', 'test')}
    assert [loader for loader in steps if 'SampleTempo' in steps[loader]] == ['train', 'val']
    assert len({'FrameDifferences' in of_loader for of_loader in steps.values()}) == 1
    for test in (config.test_dataloader, classes.test_dataloader):
        test.dataset.pipeline = [step for step in test.dataset.pipeline
                                 if step.type != 'FrameDifferences']
    assert config.test_dataloader == classes.test_dataloader
    assert config.val_evaluator.type == 'AccMetric'


@pytest.mark.parametrize('mixed', by_name('*_mix.py') + by_name('*_online.py'), ids=name)
def test_a_mix_differs_from_real_only_in_the_training_set(mixed):
    recognizer, dataset = mixed.stem.split('_')[:2]
    real = Config.fromfile(ROOT / f'{recognizer}_{dataset}_real.py')
    mix = Config.fromfile(mixed)
    training_set = mix.train_dataloader.pop('dataset')
    assert training_set.type == 'LDDMMixedDataset'
    assert training_set.real == real.train_dataloader.pop('dataset')
    assert mix.to_dict() == real.to_dict()


@pytest.mark.parametrize('mixed', by_name('*_mix.py'), ids=name)
def test_the_mixes_differ_only_in_their_store(mixed):
    recognizer, dataset, kind = mixed.stem.split('_')[:3]
    config = Config.fromfile(mixed)
    lddm = Config.fromfile(ROOT / f'{recognizer}_{dataset}_lddm_mix.py')
    stores = [each.train_dataloader.dataset.synthetic.pop('store') for each in (config, lddm)]
    assert stores == [f'work_dirs/synthetic/{dataset}_{name}' for name in (kind, 'lddm')]
    assert config.to_dict() == lddm.to_dict()


@pytest.mark.parametrize('path', by_name('*_real_twice.py'), ids=name)
def test_real_twice_draws_the_same_real_clips_with_another_seed(path):
    dataset = Config.fromfile(path).train_dataloader.dataset
    assert dataset.synthetic.pop('seed') != dataset.real.get('seed', 0)
    assert dataset.synthetic == dataset.real


@pytest.mark.parametrize('path', by_name('*_synthetic.py'), ids=name)
def test_synthetic_alone_is_the_synthetic_part_of_the_mix(path):
    mix = Config.fromfile(path.with_name(path.name.replace('synthetic', 'lddm_mix')))
    assert Config.fromfile(path).train_dataloader.dataset == mix.train_dataloader.dataset.synthetic


def test_the_split_and_the_folder_are_chosen_without_editing(monkeypatch):
    monkeypatch.setenv('SPLIT', '3_7_seed4')
    monkeypatch.setenv('DATA', 'elsewhere/mine')
    config = Config.fromfile(ROOT / 'tsm_busv_lddm_mix.py')
    for dataset in (config.train_dataloader.dataset.real, config.test_dataloader.dataset):
        assert dataset.split_file == 'data/busv/splits/3_7_seed4.csv'
    folder = Config.fromfile(ROOT / '_base_' / 'datasets' / 'folder.py')
    assert folder.held_out.split_file == 'elsewhere/mine/splits/3_7_seed4.csv'
    assert folder.stills.ann_file == 'elsewhere/mine/stills.csv'


@pytest.mark.parametrize('other', by_name('_base_/datasets/*.py'), ids=name)
def test_one_data_base_can_take_anothers_place(other):
    busv = Config.fromfile(ROOT / '_base_' / 'datasets' / 'busv.py')
    assert set(busv) - set(Config.fromfile(other)) <= {'classes', 'videos'}


@pytest.mark.parametrize('path', [path for path in RECOGNIZERS if 'phantom' in path.stem], ids=name)
def test_a_phantoms_recognizer_downloads_nothing(path):
    backbone = Config.fromfile(path).model.backbone
    assert backbone.get('pretrained') is None
    assert not backbone.get('pretrained2d')                  # else ResNetTSM loads all the same


@pytest.mark.parametrize('path', [path for path in CONFIGS if 'stages' in Config.fromfile(path)],
                         ids=name)
def test_the_stages_of_a_generator_agree_on_size_and_autoencoder(path):
    """On frames read, grain and clips made; the stages after the first, on the first one's."""
    stages = [Config.fromfile(path.parent / stage) for stage in
              Config.fromfile(path).stages.values()]
    sizes = {part['size'] for stage in stages for place, part in parts(stage.to_dict())
             if part['type'] in ('ReadVideo', 'LDDMGenerator', 'CINNGenerator', 'MotionTransfer')}
    first, *later = [stage.to_dict() for stage in stages]
    sizes |= {model['grain']['size'] for model in [first['model']] if model.get('grain')}
    assert len(sizes) == 1
    for stage in later:
        trained = stage['model'] if 'model' in stage else stage['bank']
        assert trained['autoencoder'] == first['model']
