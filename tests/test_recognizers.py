"""C3D and TSM on real + synthetic clips: through the tools, as a user runs them."""
import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from torch.testing import assert_close

import lddm_aug  # noqa: F401  registers the generators
from lddm_aug.configs import choose, read_config
from lddm_aug.data.annotations import Annotation
from lddm_aug.experiments.analysis import input_shape
from lddm_aug.generators.package import save_package
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.synthesis.synthesize import synthesize

REPOSITORY = Path(__file__).parents[1]
CLASSES = ('benign', 'malignant')
NUM_TEST = 4


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    """videos.csv with 4 + 4 short sweeps of noise, and a store of 4 clips."""
    folder = tmp_path_factory.mktemp('data')
    rng = np.random.default_rng(0)
    rows, stills = [], []
    for number in range(8):
        label, split = CLASSES[number % 2], 'train' if number < 4 else 'test'
        np.save(folder / f'{number}.npy', rng.integers(0, 256, (18, 32, 32), np.uint8))
        rows.append((f'{number}.npy', label, f'patient {number}', split))
    for number in range(4):
        path = folder / f'still ({number}).png'
        cv2.imwrite(str(path), rng.integers(0, 256, (32, 32), np.uint8))
        stills.append(Annotation(path, CLASSES[number % 2], f'another {number}', None, None, 0))
    with (folder / 'videos.csv').open('w', newline='') as file:
        csv.writer(file).writerows([('path', 'label', 'group', 'split'), *rows])
    with (folder / 'stills.csv').open('w', newline='') as file:
        csv.writer(file).writerows([('path', 'label', 'group'),
                                    *((s.path.name, s.label, s.group) for s in stills)])
    generator = RepeatStill(size=32)
    save_package(folder / 'package', generator, groups=())
    synthesize(generator, stills, folder / 'store', progress=False)
    return folder


def run(tool: str, *args: object) -> str:
    """What a tool prints; a failing one fails the test with it."""
    done = subprocess.run(
        [sys.executable, f'tools/{tool}', *map(str, args)], cwd=REPOSITORY, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def options(data: Path) -> list[str]:
    """Two iterations of two clips on the data above, with a checkpoint after each."""
    videos = data / 'videos.csv'
    return [
        '--cfg-options',
        f'train_dataloader.dataset.real.ann_file={videos}',
        f'train_dataloader.dataset.synthetic.store={data / "store"}',
        'train_dataloader.batch_size=2',
        *(f'{part}_dataloader.dataset.ann_file={videos}' for part in ('val', 'test')),
        *(f'{part}_dataloader.batch_size={NUM_TEST}' for part in ('val', 'test')),
        f'test_evaluator.out_file={data / "scores.jsonl"}',
        'train_cfg.max_iters=2', 'train_cfg.val_interval=2', 'default_hooks.logger.interval=1',
        'default_hooks.checkpoint.interval=1', 'default_hooks.checkpoint.max_keep_ckpts=-1',
        # 32 pixels give C3D the same features as 48; without moments the checkpoint is small
        'optim_wrapper.optimizer.type=SGD',
    ]


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    return torch.load(checkpoint, map_location='cpu', weights_only=True)['state_dict']


@pytest.fixture
def work_dir(tmp_path):
    yield tmp_path / 'work'
    shutil.rmtree(tmp_path / 'work')                         # pytest would keep large checkpoints


@pytest.mark.parametrize('recognizer', ['tsm', 'c3d'])
def test_lddm_mix_trains_validates_tests_and_resumes(recognizer, data, work_dir):
    config = f'mmaction_configs/{recognizer}_phantom_lddm_mix.py'
    train = ['train.py', config, '--work-dir', work_dir, *options(data)]

    log = run(*train)
    assert 'video/f1_macro' in log and 'group/accuracy' in log
    first, last = work_dir / 'iter_1.pth', work_dir / 'iter_2.pth'
    uninterrupted = weights(last)
    assert any((uninterrupted[name] != start).any() for name, start in weights(first).items())

    # as if it had been interrupted after the first iteration
    last.unlink()
    (work_dir / 'last_checkpoint').write_text(str(first))
    log = run(*train[:4], '--resume', *train[4:])
    assert 'resumed epoch: 0, iter: 1' in log
    assert_close(weights(last), uninterrupted, rtol=0, atol=0)

    log = run('test.py', config, last, '--work-dir', work_dir, *options(data))
    assert 'video/accuracy' in log
    rows = [json.loads(line) for line in (data / 'scores.jsonl').read_text().splitlines()]
    assert sorted(row['group'] for row in rows) == [f'patient {n}' for n in range(4, 8)]
    accuracy = np.mean([row['label'] == row['predicted'] for row in rows])
    assert f'video/accuracy: {accuracy:.4f}' in log


def small(path: Path, data: Path) -> Config:
    """A BUSV config on the data above, its network and images those of the phantom's."""
    config = Config.fromfile(path)
    recognizer = path.stem.split('_')[0]
    phantom = read_config('recognizer', choose('phantom', recognizer=f'{recognizer}_small'))
    config.model = phantom.model
    size = phantom.inputs.resize[0]
    training_set = config.train_dataloader.dataset
    for dataset in (training_set.get('real', training_set), training_set.get('synthetic', {})):
        if dataset.get('type') == 'VideoClipDataset':
            dataset.update(ann_file=str(data / 'videos.csv'), split_file=None)
        elif dataset:
            dataset.store = str(data / 'store')
        for part in dataset.get('pipeline', ()):
            if part.type == 'Resize':
                part.scale = size['scale']
            elif part.type == 'ReadVideo':
                part.size = 32
    return config


BASIC = [f'{recognizer}_busv_{training_set}' for recognizer in ('c3d', 'tsm', 'tdn', 'atmnet')
         for training_set in ('real', 'synthetic', 'lddm_mix', 'cinn_mix', 'still_mix',
                              'real_twice', 'transfer_mix')]


@pytest.mark.parametrize('name', BASIC)
def test_each_of_the_basic_configs_takes_a_training_step(name, data):
    init_default_scope('mmaction')
    config = small(REPOSITORY / 'mmaction_configs' / f'{name}.py', data)
    torch.manual_seed(0)
    dataset, model = DATASETS.build(config.train_dataloader.dataset), MODELS.build(config.model)
    model.init_weights()
    optimizer = build_optim_wrapper(model, config.optim_wrapper)
    before = {key: weight.detach().clone() for key, weight in model.named_parameters()}
    batch = pseudo_collate([dataset[index] for index in (0, 1, len(dataset) - 1)])
    origins = {sample.origin for sample in batch['data_samples']}
    assert origins == {'real': {'real'}, 'twice': {'real'}, 'synthetic': {'synthetic'}}.get(
        name.split('_')[-1], {'real', 'synthetic'})

    loss = model.train().train_step(batch, optimizer)['loss']
    assert loss.isfinite()
    moved = [key for key, weight in model.named_parameters() if (weight != before[key]).any()]
    assert any(key.startswith('cls_head') for key in moved)
    assert len(moved) > 0.5 * len(before)


@pytest.mark.parametrize('recognizer', ['c3d', 'tsm', 'tdn', 'atmnet'])
def test_a_busv_recognizer_scores_what_its_test_pipeline_gives(recognizer):
    config = Config.fromfile(REPOSITORY / 'mmaction_configs' / f'{recognizer}_busv_real.py')
    shape = input_shape(config)
    with torch.device('meta'):                               # full size, without the numbers
        model = MODELS.build(config.model).to('meta').eval()
        videos = [torch.empty(shape, dtype=torch.uint8)]
        inputs = model.data_preprocessor(dict(inputs=videos, data_samples=None))['inputs']
        scores = model(inputs, stage='head')
    assert scores.shape == (1, len(config.data.classes))


@pytest.mark.parametrize('name, shape', [
    ('tsm_phantom_lddm_mix', (8, 3, 48, 48)),                # (T, C, H, W)
    ('tsm_phantom_lddm_online', (8, 3, 48, 48)),
    ('c3d_phantom_lddm_mix', (1, 3, 16, 40, 40)),            # (clips, C, T, H, W)
])
def test_stored_or_synthesized_on_the_fly_a_clip_reaches_the_recognizer(name, shape, data):
    dataset = Config.fromfile(f'{REPOSITORY}/mmaction_configs/{name}.py').train_dataloader.dataset
    dataset.real.ann_file = str(data / 'videos.csv')
    if dataset.synthetic.type == 'StillDataset':
        dataset.synthetic.ann_file = str(data / 'stills.csv')
        load, synthesize_clip = dataset.synthetic.pipeline[:2]
        load.size, synthesize_clip.package = 32, str(data / 'package')
    else:
        dataset.synthetic.store = str(data / 'store')
    init_default_scope('mmaction')
    mixed = DATASETS.build(dataset)
    moves = {'real': [], 'synthetic': []}
    for sample in (mixed[index] for index in range(len(mixed))):
        assert sample['inputs'].shape == shape
        clip = sample['inputs']
        frames = clip if clip.ndim == 4 else clip[0].movedim(1, 0)            # (T, C, H, W)
        moves[sample['data_samples'].origin].append(bool((frames[1:] != frames[0]).any()))
    assert moves == {'real': [True] * 4, 'synthetic': [False] * 4}    # RepeatStill made these
