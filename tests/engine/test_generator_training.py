"""Trainings of a few iterations on noise, through the phantom's own configs."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from safetensors.torch import load_file

from lddm_aug.engine.generator_training import train_generator
from lddm_aug.generators.package import load_package

CONFIG = Path(__file__).parents[2] / 'mmaction_configs/lddm/phantom.py'


class Interrupted(Exception):
    pass


@HOOKS.register_module()
class InterruptHook(Hook):
    """Stops a training as a power cut would."""

    def __init__(self, after: int) -> None:
        self.after = after

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == self.after:
            raise Interrupted


@pytest.fixture
def options(tmp_path):
    """What makes the phantom's stages tiny."""
    rows = ['path,label,group,split']
    for i, split in enumerate(['train'] * 4 + ['test'] * 2):
        video = np.random.default_rng(i).integers(256, size=(20, 64, 64), dtype=np.uint8)
        np.save(tmp_path / f'{i}.npy', video)
        rows.append(f'{i}.npy,{("benign", "malignant")[i % 2]},patient {i},{split}')
    (tmp_path / 'videos.csv').write_text('\n'.join(rows))
    table = str(tmp_path / 'videos.csv')
    small = dict(encoder=dict(width=8), decoder=dict(widths=(8, 8, 8)))
    options = {'autoencoder.train_dataloader.dataset.ann_file': table,
               'autoencoder.val_dataloader.dataset.ann_file': table,
               'diffusion.train_dataloader.dataset.clips.ann_file': table,
               'diffusion.default_hooks.preview.clips.ann_file': table,
               'diffusion.train_dataloader.dataset.draws': 2,
               'diffusion.train_dataloader.dataset.autoencoder': small,
               'autoencoder.model': small, 'diffusion.model.autoencoder': small,
               'diffusion.model.denoiser': dict(still_widths=(8, 8, 8), width=24, depth=1)}
    for stage in ('autoencoder', 'diffusion'):
        options |= {f'{stage}.train_cfg.max_iters': 6, f'{stage}.train_dataloader.batch_size': 2,
                    f'{stage}.default_hooks.checkpoint.interval': 2,
                    f'{stage}.log_level': 'ERROR'}
    return options


def test_the_package_says_whom_it_was_trained_on_and_makes_clips(options, tmp_path):
    package = train_generator(CONFIG, tmp_path / 'run', options=options)
    generator = load_package(package)
    assert generator.groups == ('patient 0', 'patient 1', 'patient 2', 'patient 3')
    clip = generator(torch.zeros(1, 1, 64, 64), [3])
    assert clip.shape == (1, 1, 16, 64, 64) and clip.isfinite().all()
    measured = json.loads((tmp_path / 'run/training.json').read_text())['autoencoder']
    assert measured['psnr_db'] > 0 and measured['still_psnr_db'] > 0
    # the averaged weights of the last checkpoint are what was packed
    state = torch.load(tmp_path / 'run/diffusion/iter_6.pth', weights_only=True)['state_dict']
    packed = load_file(package / 'weights.safetensors')
    assert all(torch.equal(packed[f'diffusion.{name}'], value) for name, value in state.items())


@pytest.mark.parametrize('stage', ['autoencoder', 'diffusion'])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
        stage, options, tmp_path):
    whole = train_generator(CONFIG, tmp_path / 'whole', options=options)
    broken = options | {f'{stage}.default_hooks.stop': dict(type='InterruptHook', after=5)}
    with pytest.raises(Interrupted):
        train_generator(CONFIG, tmp_path / 'broken', options=broken)
    assert not (tmp_path / 'broken/package').exists()
    resumed = train_generator(CONFIG, tmp_path / 'broken', resume=True, options=options)
    expected, found = (load_file(package / 'weights.safetensors') for package in (whole, resumed))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert load_package(whole).package_sha256 == load_package(resumed).package_sha256


def test_a_finished_training_is_not_run_again(options, tmp_path):
    package = train_generator(CONFIG, tmp_path / 'run', options=options)
    before = load_package(package).package_sha256
    checkpoint = tmp_path / 'run/diffusion/iter_6.pth'
    written = checkpoint.stat().st_mtime_ns
    train_generator(CONFIG, tmp_path / 'run', resume=True, options=options)
    assert checkpoint.stat().st_mtime_ns == written
    assert load_package(package).package_sha256 == before


def test_a_training_begun_anew_is_not_gone_on_with_as_the_one_before(options, tmp_path):
    options |= {f'{stage}.train_cfg.max_iters': 2 for stage in ('autoencoder', 'diffusion')}
    old = load_package(train_generator(CONFIG, tmp_path / 'run', options=options)).package_sha256
    other = options | {'autoencoder.optim_wrapper.optimizer.lr': 1e-4}
    expected = train_generator(CONFIG, tmp_path / 'other', options=other)
    stopped = other | {'autoencoder.default_hooks.stop': dict(type='InterruptHook', after=1)}
    with pytest.raises(Interrupted):
        train_generator(CONFIG, tmp_path / 'run', options=stopped)
    resumed = train_generator(CONFIG, tmp_path / 'run', resume=True, options=other)
    assert load_package(resumed).package_sha256 == load_package(expected).package_sha256 != old


def test_the_package_says_with_which_seed_it_was_trained(options, tmp_path):
    package = train_generator(CONFIG, tmp_path / 'run', options=options, seed=3)
    text = json.loads((package / 'package.json').read_text())['config_text']
    assert 'randomness = dict(seed=3)' in text and str(tmp_path / 'run') not in text


def test_averaged_weights_of_an_autoencoder_are_refused(options, tmp_path):
    options['autoencoder.custom_hooks'] = [dict(type='EMAHook')]
    with pytest.raises(ValueError, match='EMAHook would save an autoencoder without the statist'):
        train_generator(CONFIG, tmp_path / 'run', options=options)


def test_a_stage_alone_that_is_finished_is_left_as_it_is(options, tmp_path):
    config = CONFIG.with_name('phantom_autoencoder.py')
    options = {key.removeprefix('autoencoder.'): value for key, value in options.items()
               if key.startswith('autoencoder.')}
    train_generator(config, tmp_path / 'run', options=options)
    summary = (tmp_path / 'run/training.json').read_text()
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob('run/*.pth')}
    train_generator(config, tmp_path / 'run', resume=True, options=options)
    assert (tmp_path / 'run/training.json').read_text() == summary
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob('run/*.pth')} == written
    assert json.loads(summary)['groups'] == ['patient 0', 'patient 1', 'patient 2', 'patient 3']


def test_a_package_needs_no_file_that_only_its_training_read(options, tmp_path):
    vgg = tmp_path / 'vgg.pth'
    shapes = [(3, 3, 1, 1), (64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3), (128, 128, 3, 3),
              (256, 128, 3, 3)]
    torch.save({f'{index}.{name}': torch.randn(shape if name == 'weight' else shape[:1]) / 30
                for index, shape in zip((0, 2, 5, 9, 12, 16), shapes, strict=True)
                for name in ('weight', 'bias')}, vgg)
    for stage in ('autoencoder.model', 'diffusion.model.autoencoder',
                  'diffusion.train_dataloader.dataset.autoencoder'):
        options[stage] = options[stage] | dict(perceptual=dict(vgg=str(vgg)))
    options |= {f'{stage}.train_cfg.max_iters': 1 for stage in ('autoencoder', 'diffusion')}
    package = train_generator(CONFIG, tmp_path / 'run', options=options)
    vgg.unlink()
    assert load_package(package).num_frames == 16


def test_an_option_for_no_stage_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'begins with the name of a stage \(autoencoder, diffus'):
        train_generator(CONFIG, tmp_path, options={'max_iters': 3})


def test_mixed_precision_with_nothing_to_run_on_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(torch.cpu, '_is_avx512_bf16_supported', lambda: False)
    with pytest.raises(ValueError, match='--amp: mixed precision needs a GPU, or a CPU'):
        train_generator(CONFIG, tmp_path, amp=True)
    assert not list(tmp_path.iterdir())


def test_a_test_group_in_training_is_refused(options, tmp_path):
    table = tmp_path / 'videos.csv'
    table.write_text(table.read_text().replace('patient 5', 'patient 1'))
    with pytest.raises(ValueError, match='patient 1'):
        train_generator(CONFIG, tmp_path / 'run', options=options)
    assert not (tmp_path / 'run/package').exists()


def test_what_a_package_cannot_be_written_over_is_refused_before_training(options, tmp_path):
    (tmp_path / 'run/package').mkdir(parents=True)
    (tmp_path / 'run/package/thesis.tex').touch()
    with pytest.raises(ValueError, match='package exists and is no generator package'):
        train_generator(CONFIG, tmp_path / 'run', options=options)
    assert [path.name for path in (tmp_path / 'run').iterdir()] == ['package']


def test_a_generator_that_cannot_be_built_is_refused_before_training(options, tmp_path):
    with pytest.raises(ValueError, match='steps'):
        train_generator(CONFIG, tmp_path / 'run',
                        options=options | {'diffusion.generator.steps': 0})
    assert not (tmp_path / 'run').exists()


def test_the_package_names_the_groups_of_every_stage(options, tmp_path):
    rows = (tmp_path / 'videos.csv').read_text().splitlines()
    (tmp_path / 'fewer.csv').write_text('\n'.join(rows[:1] + rows[3:]))
    options |= {'diffusion.train_dataloader.dataset.clips.ann_file': str(tmp_path / 'fewer.csv')}
    package = train_generator(CONFIG, tmp_path / 'run', options=options)
    assert load_package(package).groups == ('patient 0', 'patient 1', 'patient 2', 'patient 3')


def test_a_training_that_diverges_leaves_no_package(options, tmp_path):
    options |= {'diffusion.optim_wrapper.optimizer.lr': 1e30, 'diffusion.param_scheduler': [],
                'diffusion.optim_wrapper.clip_grad': None}
    with pytest.raises(ValueError, match='diverged'):
        train_generator(CONFIG, tmp_path / 'run', options=options)
    assert not (tmp_path / 'run/package').exists()


def test_a_stage_that_cannot_be_trained_is_refused_before_the_first(tmp_path):
    (tmp_path / 'first.py').write_text("_base_ = '" + str(CONFIG.with_name(
        'phantom_autoencoder.py')) + "'")
    (tmp_path / 'second.py').write_text('model = dict()')
    (tmp_path / 'both.py').write_text("stages = dict(first='first.py', second='second.py')")
    with pytest.raises(ValueError, match=r'second\.py: the config lacks train_dataloader'):
        train_generator(tmp_path / 'both.py', tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_a_checkpoint_of_another_width_or_cut_off_is_not_gone_on_with(options, tmp_path):
    options = {key: 2 if key.endswith('max_iters') else value for key, value in options.items()}
    train_generator(CONFIG, tmp_path / 'run', options=options)
    wider = {'diffusion.model.denoiser.width': 48, 'diffusion.train_cfg.max_iters': 4}
    with pytest.raises(ValueError, match='WeightsGuardHook: the checkpoint lacks'):
        train_generator(CONFIG, tmp_path / 'run', resume=True, options=options | wider)
    checkpoint = tmp_path / 'run/diffusion/iter_2.pth'
    checkpoint.write_bytes(checkpoint.read_bytes()[:999])
    with pytest.raises(ValueError, match=r'diffusion/iter_2\.pth cannot be read as a checkpoint'):
        train_generator(CONFIG, tmp_path / 'run', resume=True, options=options)


def test_two_generators_share_a_stage_that_works_in_the_same_folder(options, tmp_path):
    folders = {'autoencoder': tmp_path / 'shared'}
    first = train_generator(CONFIG, tmp_path / 'a', options=options, folders=folders)
    written = (tmp_path / 'shared/iter_6.pth').stat().st_mtime_ns
    options |= {'diffusion.generator.steps': 2}
    second = train_generator(CONFIG, tmp_path / 'b', True, options, folders=folders)
    assert (tmp_path / 'shared/iter_6.pth').stat().st_mtime_ns == written
    one, other = (load_package(package) for package in (first, second))
    assert one.groups == other.groups == ('patient 0', 'patient 1', 'patient 2', 'patient 3')
    assert all(torch.equal(one.state_dict()[name], weight)
               for name, weight in other.state_dict().items())
