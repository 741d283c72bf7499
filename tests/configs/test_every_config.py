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

import lddm_aug
from lddm_aug.configs import choose, config_names, config_root, part_names, read_config
from lddm_aug.datasets.training_sets import TRAINING_SETS
from lddm_aug.engine.config_stages import build_generator, stage_configs

ROOT = config_root()
NAMED = [name for name in config_names() if '/' not in name and name not in (
    'recognizer', 'r3d_tempo')]                      # of data that their names tell
RECIPES = [name for name in config_names() if name.startswith('lddm/')]
DATA = [name for name in part_names('datasets') if name != 'folder']

# every recognizer, every training set and every data set, and the named configs
RECOGNIZERS = [
    *((name, {}) for name in NAMED),
    *(('recognizer', choose('phantom', recognizer=name)) for name in part_names('models')),
    *(('recognizer', choose('phantom', training_set=name)) for name in TRAINING_SETS),
    *((name, choose(data)) for name in ('recognizer', 'r3d_tempo') for data in DATA),
    ('recognizer', {})]
GENERATORS = [
    *((name, choose(data)) for name in RECIPES for data in DATA),
    *((name, choose('phantom', size=128, frames=32, stride=2)) for name in RECIPES),
    ('lddm/lddm', choose('covid_blues', size=224)), ('lddm/lddm', {})]

# where a part stands in a config → who must know its type
REGISTRIES = {
    'dataset': DATASETS, 'real': DATASETS, 'synthetic': DATASETS, 'clips': DATASETS,
    'pipeline': TRANSFORMS, 'sampler': DATA_SAMPLERS,
    'val_evaluator': METRICS, 'test_evaluator': METRICS,
    'train_cfg': LOOPS, 'val_cfg': LOOPS, 'test_cfg': LOOPS,
    'default_hooks': HOOKS, 'custom_hooks': HOOKS, 'param_scheduler': PARAM_SCHEDULERS,
    'optimizer': OPTIMIZERS, 'model': MODELS, 'generator': MODELS,
}
HELD = ('clips', 'pipeline')                         # that a hook may hold as well
TRAINING = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'val_evaluator',
            'test_evaluator', 'train_cfg', 'val_cfg', 'test_cfg', 'default_hooks', 'custom_hooks',
            'param_scheduler', 'optim_wrapper', 'model', 'generator')


def test_no_module_has_the_name_of_a_config_which_mim_finds_by_its_name_alone():
    package = Path(lddm_aug.__file__).parent

    assert not {path.stem for path in package.rglob('*.py')} & {*NAMED, 'recognizer', 'r3d_tempo'}


def name(value) -> str:
    return '-'.join(value.values()) if isinstance(value, dict) else str(value)


def named(pattern: str) -> list[str]:
    found = sorted(path.stem for path in ROOT.glob(f'{pattern}.py'))
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
            yield from parts(item, key if place != 'default_hooks' or key in HELD else place)


def build(config: Config) -> None:
    """Build what a training begins with, and check the names of everything else."""
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


def test_there_are_few_of_them():
    assert len(list(ROOT.rglob('*.py'))) <= 65


@pytest.mark.parametrize('config', config_names())
def test_a_config_opens_with_its_question(config):
    docstring = ast.get_docstring(ast.parse((ROOT / f'{config}.py').read_text(encoding='utf-8')))
    assert docstring and '?' in docstring


@pytest.mark.parametrize('config, choice', RECOGNIZERS, ids=name)
def test_a_recognizer_builds_and_every_type_is_registered(config, choice):
    build(read_config(config, choice))


@pytest.mark.parametrize('config, choice', GENERATORS, ids=name)
def test_a_generator_builds_and_every_type_is_registered(config, choice):
    for stage in stage_configs(ROOT / f'{config}.py', choice=choice).values():
        if 'model' in stage:
            build(stage)
        if 'generator' in stage:
            build_generator(stage)


@pytest.mark.parametrize('config, choice', RECOGNIZERS, ids=name)
def test_nothing_of_the_inherited_data_sets_is_left(config, choice):
    read = read_config(config, choice)
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert not {'kinetics400', 'ucf101'} & set(str(read[key]).replace('/', "'").split("'"))
    assert not any(read.get(f'{part}_pipeline') for part in ('train', 'val', 'test'))
    assert read.test_evaluator == {'type': 'RecognitionMetric'}
    if config != 'r3d_tempo':                                # which has labels of its own
        assert read.val_evaluator == read.test_evaluator
        assert read.test_dataloader == read.val_dataloader


@pytest.mark.parametrize('data', DATA)
def test_a_network_of_playback_rates_is_validated_by_them_and_tested_on_clips_as_they_are(data):
    config = read_config('r3d_tempo', choose(data))
    classes = read_config('recognizer', choose(data, recognizer='r3d'))
    steps = {loader: [step.type for step in config[f'{loader}_dataloader'].dataset.pipeline]
             for loader in ('train', 'val', 'test')}
    assert [loader for loader in steps if 'SamplePlaybackRate' in steps[loader]] == ['train', 'val']
    assert len({'FrameDifferences' in of_loader for of_loader in steps.values()}) == 1
    assert not any('ColorJitter' in of_loader for of_loader in steps.values())
    for test in (config.test_dataloader, classes.test_dataloader):
        test.dataset.pipeline = [step for step in test.dataset.pipeline
                                 if step.type != 'FrameDifferences']
    assert config.test_dataloader == classes.test_dataloader
    assert config.val_evaluator.type == 'AccMetric'


@pytest.mark.parametrize('mixed', named('*_mix') + named('*_online') + named('*_twice'))
def test_a_mix_differs_from_real_only_in_the_training_set(mixed):
    recognizer, dataset = mixed.split('_')[:2]
    real, mix = read_config(f'{recognizer}_{dataset}_real'), read_config(mixed)
    training_set = mix.train_dataloader.pop('dataset')
    assert training_set.type == 'LDDMMixedDataset' and training_set.synthetic_per_real == 1
    assert training_set.real == real.train_dataloader.pop('dataset')
    assert mix.to_dict() == real.to_dict()


@pytest.mark.parametrize('mixed', named('*_mix'))
def test_the_mixes_differ_only_in_their_store(mixed):
    recognizer, dataset, kind = mixed.split('_')[:3]
    config, lddm = read_config(mixed), read_config(f'{recognizer}_{dataset}_lddm_mix')
    stores = [each.train_dataloader.dataset.synthetic.pop('store') for each in (config, lddm)]
    assert stores == [f'work_dirs/synthetic/{dataset}_{clips}' for clips in (kind, 'lddm')]
    assert config.to_dict() == lddm.to_dict()


@pytest.mark.parametrize('config', named('*_real_twice'))
def test_real_twice_draws_the_same_real_clips_with_another_seed(config):
    dataset = read_config(config).train_dataloader.dataset
    assert dataset.synthetic.pop('seed') != dataset.real.get('seed', 0)
    assert dataset.synthetic == dataset.real


@pytest.mark.parametrize('config', named('*_synthetic'))
def test_synthetic_alone_is_the_synthetic_part_of_the_mix(config):
    mix = read_config(config.replace('synthetic', 'lddm_mix'))
    assert read_config(config).train_dataloader.dataset == mix.train_dataloader.dataset.synthetic


@pytest.mark.parametrize('config', [each for each in NAMED if 'covid' not in each])
def test_a_named_config_is_what_its_name_chooses(config):
    recognizer, data, training_set = config.split('_', 2)
    model = recognizer if data == 'busv' else f'{recognizer}_small'
    chosen = read_config('recognizer', choose(data, recognizer=model, training_set=training_set))
    assert chosen.pop('work_dir') == f'work_dirs/{model}_{data}_{training_set}'
    assert chosen.to_dict() == read_config(config).to_dict()


def test_classes_folder_and_split_of_ones_own_data_are_chosen_without_editing(tmp_path):
    (tmp_path / 'splits').mkdir()
    (tmp_path / 'splits/7_3_seed0.csv').touch()
    (tmp_path / 'videos.csv').write_text('path,label,group\na.mp4,10,p\nb.mp4,9,q\nc.mp4,010,r\n')
    config = read_config('recognizer', choose(tmp_path, training_set='lddm_mix'))
    assert config.model.cls_head.num_classes == 3
    mix = config.train_dataloader.dataset
    for dataset in (mix.real, mix.synthetic, config.test_dataloader.dataset):
        assert dataset.classes == ('9', '010', '10')
    assert mix.real.split_file == f'{tmp_path}/splits/7_3_seed0.csv'
    assert mix.synthetic.store == f'{tmp_path}/synthetic/lddm'
    other = read_config('lddm/lddm', choose(tmp_path, split='3_7_seed4'))
    assert other.train_clips.split_file == f'{tmp_path}/splits/3_7_seed4.csv'
    assert other.data.generators == f'{tmp_path}/generators/{{recipe}}_3_7_seed4'
    (tmp_path / 'splits/7_3_seed0.csv').unlink()             # the table's own column is meant
    assert 'split_file' not in read_config('recognizer', choose(tmp_path)).data.real


def test_a_split_of_published_data_is_chosen_without_editing():
    config = read_config('tsm_busv_lddm_mix', choose(split='3_7_seed4'))
    for dataset in (config.train_dataloader.dataset.real, config.test_dataloader.dataset):
        assert dataset.split_file == 'data/busv/splits/3_7_seed4.csv'
    assert 'split_file' not in read_config('tsm_phantom_real').data.real
    phantom = read_config('tsm_phantom_real', choose(split='5_5_seed0'))
    assert phantom.data.real.split_file == 'data/phantom/splits/5_5_seed0.csv'


@pytest.mark.parametrize('data', DATA)
def test_a_folder_takes_the_place_of_any_data_set(data):
    folder, other = read_config(ROOT / '_base_/datasets/folder.py').data, read_config(
        ROOT / f'_base_/datasets/{data}.py').data
    assert set(folder) - {'oracle'} <= set(other)


@pytest.mark.parametrize('small', [each for each in part_names('models') if 'small' in each])
def test_a_small_recognizer_downloads_nothing(small):
    backbone = read_config('recognizer', choose('phantom', recognizer=small)).model.backbone
    assert backbone.get('pretrained') is None
    assert not backbone.get('pretrained2d')                  # else ResNetTSM loads all the same


@pytest.mark.parametrize('config, choice', GENERATORS, ids=name)
def test_a_generators_stages_agree_on_the_shape_of_clips_and_on_the_autoencoder(config, choice):
    """Frames read, grain and clips made are as chosen; later stages have the first one's model."""
    stages = [stage.to_dict() for stage in stage_configs(ROOT / f'{config}.py', choice=choice)
              .values()]
    found = [part for stage in stages for _, part in parts(stage)]
    own = {'busv': 128}.get(choice.get('DATASET'), 64)
    size, frames, stride = (int(choice.get(name, default)) for name, default in
                            (('SIZE', own), ('FRAMES', 16), ('STRIDE', 3)))
    makers = [part for part in found if part['type'].endswith(('Generator', 'Transfer', 'Still',
                                                               'Warp'))]
    assert {(part['size'], part['num_frames'], part['frame_stride']) for part in makers} == {
        (size, frames, stride)}                      # a student's teacher makes clips too
    assert {part['size'] for part in found if part['type'] == 'ReadVideo'} <= {size}
    assert {(part['num_frames'], part['segment_length']) for part in found
            if part['type'] == 'SampleSegment'} <= {(frames, frames * stride)}
    grain = [part['grain'] for part in found if part.get('grain')]
    assert all(each == dict(size=size, num_frames=frames) for each in grain)
    first, *later = stages
    for stage in later:
        trained = stage['model'] if 'model' in stage else stage['bank']
        assert trained['autoencoder'] == first['model']


@pytest.mark.parametrize('choice, length', [
    ({}, 48), (dict(frames=32), 48), (dict(stride=2), 32), (dict(frames=8, stride=4), 32)])
def test_a_recognizer_takes_segments_no_longer_than_generated_clips(choice, length):
    """Else the same 16 frames would play faster where they come from a shorter clip."""
    mix = read_config('recognizer', choose('phantom', training_set='lddm_mix', **choice))
    dataset = mix.train_dataloader.dataset
    for each in (dataset.real, dataset.synthetic, mix.test_dataloader.dataset):
        [sample] = [TRANSFORMS.build(step) for step in each.pipeline
                    if step.type == 'SampleSegment']
        assert sample.segment_length == length


def test_a_config_survives_being_dumped_and_changed(tmp_path):
    """As a Runner writes it into its folder, and as --cfg-options change it."""
    config = read_config('tsm_busv_lddm_mix')
    config.merge_from_dict({'train_dataloader.dataset.synthetic_per_real': 2.0})
    config.dump(tmp_path / 'dumped.py')
    again = Config.fromfile(tmp_path / 'dumped.py')
    assert again.to_dict() == config.to_dict()
    assert again.train_dataloader.dataset.synthetic_per_real == 2
    assert Path(config.filename).name == 'tsm_busv_lddm_mix.py'
