"""A recognizer that trains on clips made on its device, and what of that is no part of it."""
from __future__ import annotations

import math
import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from lddm_aug.configs import choose, read_config
from lddm_aug.datasets import LDDMDataPreprocessor
from lddm_aug.datasets.visits import Visit, accept_visits
from lddm_aug.generators import RepeatStill, load_package, save_package

init_default_scope('mmaction')


@pytest.fixture
def package(tmp_path: Path, tiny_conditional_lddm) -> str:
    save_package(tmp_path / 'package', tiny_conditional_lddm, ())
    return str(tmp_path / 'package')


@pytest.fixture
def make_config(videos: str, stills: str, package: str, tmp_path: Path):
    """The phantom's small TSM on a training set, with the tests' small videos and stills."""
    def make(training_set: str, **options: Any) -> Config:
        config = read_config('recognizer', choose('phantom', recognizer='tsm_small',
                                                  training_set=training_set))
        mix = config.train_dataloader.dataset
        for part in (mix.get('real', mix), config.val_dataloader.dataset,
                     config.test_dataloader.dataset):
            part.ann_file = videos
        if 'synthetic' in mix:
            mix.synthetic.ann_file = stills
            mix.synthetic.pipeline[0].size, mix.synthetic.pipeline[1].package = 16, package
            mix.synthetic.pipeline[1].update(options)
        config.merge_from_dict({
            'work_dir': str(tmp_path / training_set), 'train_cfg.max_iters': 4,
            'train_dataloader.batch_size': 4, 'param_scheduler': [],
            'default_hooks.checkpoint.interval': 2, 'val_cfg': None, 'val_dataloader': None,
            'val_evaluator': None, 'default_hooks.checkpoint.max_keep_ckpts': -1,
            'log_level': 'ERROR', 'visualizer': None})
        return config
    return make


@pytest.fixture
def shown(monkeypatch) -> list[np.ndarray]:
    """What the recognizers of a test are shown in training, batch by batch, in grey levels."""
    batches: list[np.ndarray] = []
    preprocess = LDDMDataPreprocessor.preprocess

    def spy(self, inputs, data_samples, training=False):
        outputs = preprocess(self, inputs, data_samples, training)
        if training:
            batches.append((outputs[0] * self.std + self.mean).numpy())
        return outputs
    monkeypatch.setattr(LDDMDataPreprocessor, 'preprocess', spy)
    return batches


def train(config: Config, **changes: Any) -> Runner:
    config = deepcopy(config)
    config.merge_from_dict({'experiment_name': f'e{np.random.default_rng().integers(2**60)}',
                            **changes})
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def batch_of(config: Config, epoch: int = 0) -> dict[str, Any]:
    dataset = DATASETS.build(config.train_dataloader.dataset)
    accept_visits(dataset)
    return pseudo_collate([dataset[Visit(index, epoch, index, 0)]
                           for index in range(len(dataset))])


def test_it_trains_on_what_the_workers_path_shows_it(make_config, shown: list):
    for training_set in ('lddm_online', 'lddm_device'):
        train(make_config(training_set))
    worker, device = shown[:4], shown[4:]
    assert len(device) == 4
    for theirs, ours in zip(worker, device, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2)
    assert any((one != other).any() for one, other in zip(device[0], device[-1], strict=True))


def test_no_weight_of_the_generator_is_in_the_recognizer_or_what_is_made_of_it(
        make_config, package: str):
    """Its parameters and buffers, optimizer, checkpoint, average of weights, DDP and copies."""
    config = make_config('lddm_device', latents_per_still=2)
    config.custom_hooks.append(dict(type='EMAHook'))
    runner = train(config)
    plain = MODELS.build({**config.model, 'data_preprocessor': dict(
        config.model.data_preprocessor, type='ActionDataPreprocessor')})
    names = {*plain.state_dict()}
    weights = sum(weight.numel() for weight in plain.parameters())
    of_the_generator = sum(weight.numel() for weight in load_package(package).parameters())

    model = runner.model
    assert len(model.data_preprocessor.bank) and of_the_generator > 1000
    assert {*model.state_dict()} == names
    assert sum(weight.numel() for weight in model.parameters()) == weights
    assert len([*model.buffers()]) == len([*plain.buffers()])
    assert sum(weight.numel() for group in runner.optim_wrapper.optimizer.param_groups
               for weight in group['params']) == weights
    checkpoint = torch.load(Path(config.work_dir) / 'iter_4.pth', weights_only=True)
    assert {*checkpoint['state_dict']} == names
    averaged = {name.removeprefix('module.') for name in checkpoint['ema_state_dict']}
    assert averaged - {'steps'} == names
    for copied in (deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not len(copied.data_preprocessor.bank)
    assert len(pickle.dumps(model)) < len(pickle.dumps(plain)) + 4 * of_the_generator


def test_ddp_shares_no_weight_of_the_generator(
        make_config, tmp_path: Path, one_rank_ends):
    torch.distributed.init_process_group('gloo', init_method=f'file://{tmp_path}/ddp', rank=0,
                                         world_size=1)
    with one_rank_ends():
        config = make_config('lddm_device')
        model = MODELS.build(config.model)
        wrapped = MMDistributedDataParallel(model)
        wrapped.module.data_preprocessor(batch_of(config), training=True)
        assert {name.removeprefix('module.') for name in wrapped.state_dict()} == {
            *model.state_dict()}
        assert not [name for name, _ in wrapped.named_parameters() if 'denoiser' in name]
        del wrapped


@pytest.mark.parametrize('options', [{}, dict(latents_per_still=2, refresh_every=2)],
                         ids=['anew', 'bank'])
def test_a_resumed_training_sees_the_same_clips(make_config, shown: list, options: dict):
    config = make_config('lddm_device', **options)
    train(config)
    whole = [*shown]
    shown.clear()
    train(config, resume=True, load_from=str(Path(config.work_dir) / 'iter_2.pth'))
    for again, before in zip(shown, whole[2:], strict=True):
        np.testing.assert_array_equal(again, before)


def test_a_step_with_a_full_bank_only_decodes(make_config, monkeypatch):
    """And what it decodes is what is sampled anew without a bank."""
    config = make_config('lddm_device', latents_per_still=1)
    batch = batch_of(config)
    filled, empty = (MODELS.build(config.model.data_preprocessor) for _ in range(2))
    first = filled(batch, training=True)['inputs']
    assert 0 < len(filled.bank) <= 5
    generator = load_package(config.train_dataloader.dataset.synthetic.pipeline[1].package)
    assert filled.bank.nbytes == 4 * math.prod(generator.latent_shape) * len(filled.bank)
    sampled = []
    monkeypatch.setattr(type(generator), 'denoise', lambda *_: sampled.append('latents'))
    np.testing.assert_array_equal(filled(batch, training=True)['inputs'], first)
    assert not sampled
    with pytest.raises(TypeError):                   # this one needs a sampler
        empty(batch, training=True)
    assert sampled


def test_latents_are_sampled_anew_when_it_is_time(make_config):
    config = make_config('lddm_device', latents_per_still=1, refresh_every=3)
    dataset = DATASETS.build(config.train_dataloader.dataset.synthetic)
    accept_visits(dataset)
    seeds = [dataset[Visit(0, epoch, 0, 0)]['inputs'].seed for epoch in range(9)]
    assert [seeds.index(seed) for seed in seeds] == [0, 0, 0, 3, 3, 3, 6, 6, 6]
    keys = {dataset[Visit(0, epoch, 0, 0)]['inputs'].bank_key for epoch in range(9)}
    assert len(keys) == 1                            # so the bank doesn't grow


def test_every_visit_takes_one_of_the_latents_at_random(make_config):
    config = make_config('lddm_device', latents_per_still=3)
    dataset = DATASETS.build(config.train_dataloader.dataset.synthetic)
    seeds = [dataset[index]['inputs'].seed for index in [0, 1] * 40]
    assert [len({*seeds[start::2]}) for start in (0, 1)] == [3, 3]


def test_without_a_sampler_that_passes_the_epoch_nothing_is_refreshed(make_config):
    dataset = DATASETS.build(make_config('lddm_bank').train_dataloader.dataset.synthetic)
    with pytest.raises(ValueError, match=r"DeferSynthesis: refresh_every .*'EpochSampler'"):
        dataset[0]


def test_batches_without_such_clips_pass_as_in_mmaction2(make_config):
    config = make_config('real')
    batch = batch_of(config)
    ours, theirs = (MODELS.build({**config.model.data_preprocessor, 'type': kind})
                    for kind in ('LDDMDataPreprocessor', 'ActionDataPreprocessor'))
    for training in (False, True):
        one, other = (each(deepcopy(batch), training)['inputs'] for each in (ours, theirs))
        assert torch.equal(one, other)


def test_nothing_is_made_in_validation_or_test(make_config):
    config = make_config('lddm_device')
    preprocessor = MODELS.build(config.model.data_preprocessor)
    with pytest.raises(ValueError, match='LDDMDataPreprocessor: validation and test'):
        preprocessor(batch_of(config), training=False)


def test_another_data_preprocessor_is_refused(make_config):
    """Before the first iteration by the hook, and also without it."""
    config = make_config('lddm_device')
    config.model.data_preprocessor.type = 'ActionDataPreprocessor'
    with pytest.raises(ValueError, match='LDDMDataPreprocessor'):
        MODELS.build(config.model.data_preprocessor)(batch_of(config), training=True)
    with pytest.raises(ValueError, match=r'DataGuardHook: .*LDDMDataPreprocessor'):
        train(config)


def test_mixed_precision_makes_the_same_clips(make_config):
    config = make_config('lddm_device')
    batch = batch_of(config)
    preprocessor = MODELS.build(config.model.data_preprocessor)
    plain = preprocessor(deepcopy(batch), training=True)['inputs']
    with torch.autocast('cpu', torch.bfloat16):
        mixed = preprocessor(deepcopy(batch), training=True)['inputs']
    assert torch.equal(plain, mixed)


def test_the_generator_moves_with_the_model(make_config, monkeypatch):
    """To a device that is asked for by name; there is no other one here."""
    asked = []
    monkeypatch.setattr('lddm_aug.datasets.lddm_data_preprocessor.shared_generator',
                        lambda package, device: asked.append(device))
    preprocessor = MODELS.build(make_config('lddm_device').model.data_preprocessor)
    preprocessor._device = torch.device('cuda:1')
    with pytest.raises((RuntimeError, AssertionError)):       # it has no such device
        preprocessor(dict(inputs=[batch_of(make_config('lddm_device'))['inputs'][-1]],
                          data_samples=None), training=True)
    assert asked == ['cuda:1']


@pytest.mark.parametrize('options, message', [
    (dict(latents_per_still=0), 'latents_per_still .*got 0'),
    (dict(latents_per_still=2.5), 'latents_per_still .*got 2.5'),
    (dict(refresh_every=2), 'refresh_every=2 alone'),
    (dict(latents_per_still=1, refresh_every=-1), 'refresh_every .*got -1')])
def test_numbers_that_make_no_sense_are_refused_when_it_is_built(make_config, options: dict,
                                                                 message: str):
    with pytest.raises(ValueError, match=f'DeferSynthesis: .*{message}'):
        DATASETS.build(make_config('lddm_device', **options).train_dataloader.dataset)


def test_what_does_not_fit_is_refused_when_it_is_built(make_config, tmp_path: Path):
    """A missing package, another size of stills, other classes, a generator without latents."""
    config = make_config('lddm_device')
    synthetic = config.train_dataloader.dataset.synthetic
    load, defer = synthetic.pipeline
    load.size = 32
    with pytest.raises(ValueError, match=r'LoadStill\(size=16, channels=1\).*size=32'):
        DATASETS.build(synthetic)
    load.size, held = 16, defer.package
    defer.package = str(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match='nowhere'):
        DATASETS.build(synthetic)
    save_package(tmp_path / 'held', RepeatStill(size=16), ())
    defer.update(package=str(tmp_path / 'held'), latents_per_still=2)
    with pytest.raises(ValueError, match=r'latents_per_still=2 .*RepeatStill'):
        DATASETS.build(synthetic)
    defer.update(package=held)
    config.train_dataloader.dataset.synthetic.classes = ('malignant', 'benign')
    with pytest.raises(ValueError, match='classes'):
        DATASETS.build(config.train_dataloader.dataset)
