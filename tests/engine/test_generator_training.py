"""Trainings of a few iterations on noise, through the phantom's own configs."""
import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lddm_aug.checkpoints import read_checkpoint, weights_sha256
from lddm_aug.configs import find_config
from lddm_aug.engine.config_stages import stage_configs
from lddm_aug.engine.generator_training import train_generator
from lddm_aug.engine.hooks.iteration_seed_hook import IterationSeedHook
from lddm_aug.generators.package import load_package

CONFIG = find_config('lddm/lddm')


class InterruptionError(Exception):
    pass


@pytest.fixture(scope='module', autouse=True)
def unformatted_configs():
    """To lay a config out prettily takes MMEngine longer than all these trainings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, False))
        yield


@pytest.fixture
def interrupt(monkeypatch):
    """interrupt('diffusion', 5) → within it, that stage stops after 5 iterations as by a power cut.

    From outside the config, which would else be another one than that of the resumed training.
    """
    @contextmanager
    def within(stage, after):
        def stop(hook, runner, *args, **kwargs):
            if Path(runner.work_dir).name == stage and runner.iter + 1 == after:
                raise InterruptionError

        with monkeypatch.context() as patch, pytest.raises(InterruptionError):
            patch.setattr(IterationSeedHook, 'after_train_iter', stop)
            yield

    return within


@pytest.fixture
def options(tmp_path):
    return tiny(tmp_path)


def tiny(tmp_path):
    """What makes the phantom's stages tiny, and their data."""
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


def tiny_distilled(tmp_path):
    """The same for the recipe with a student, whose last stage takes eight paths."""
    options, table = tiny(tmp_path), str(tmp_path / 'videos.csv')
    return options | {f'distillation.{key}': value for key, value in {
        'train_dataloader.dataset.clips.ann_file': table, 'train_dataloader.dataset.paths': 8,
        'train_dataloader.batch_size': 2, 'train_cfg.max_iters': 6,
        'default_hooks.preview.clips.ann_file': table, 'default_hooks.checkpoint.interval': 2,
        'log_level': 'ERROR'}.items()}


def write_stage(path, name):
    """One of the stages as a config of its own."""
    stage_configs(CONFIG)[name].dump(path)
    return path


def test_the_package_says_whom_it_was_trained_on_and_makes_clips(options, tmp_path):
    package = train_generator(CONFIG, tmp_path / 'run', options=options)
    generator = load_package(package)
    assert generator.groups == ('patient 0', 'patient 1', 'patient 2', 'patient 3')
    clip = generator(torch.zeros(1, 1, 64, 64), [3])
    assert clip.shape == (1, 1, 16, 64, 64) and clip.isfinite().all()
    measured = json.loads((tmp_path / 'run/training.json').read_text())['autoencoder']
    assert measured['psnr_db'] > 0 and measured['still_psnr_db'] > 0
    assert 0 < measured['share_in_data'] < 1
    # the averaged weights of the last checkpoint are what was packed
    state = torch.load(tmp_path / 'run/diffusion/iter_6.pth', weights_only=True)['state_dict']
    packed = load_file(package / 'weights.safetensors')
    assert all(torch.equal(packed[f'diffusion.{name}'], value) for name, value in state.items())


def test_a_student_is_trained_after_its_teacher_and_packed_with_it(tmp_path, interrupt):
    config, options = find_config('lddm/lddm_distilled'), tiny_distilled(tmp_path)
    with interrupt('distillation', 5):
        train_generator(config, tmp_path / 'run', options=options)
    teacher = load_package(tmp_path / 'run/package')     # of the stage before
    assert teacher.sampler.steps == 10
    package = train_generator(config, tmp_path / 'run', resume=True, options=options)
    generator, still = load_package(package), torch.zeros(1, 1, 64, 64)
    assert (generator.sampler.name, generator.sampler.steps) == ('Student', 2)
    ten = generator.with_sampler(name='DPMSolverMultistep', steps=10)
    assert torch.equal(ten(still, [3]), teacher(still, [3]))
    whole = train_generator(config, tmp_path / 'whole', options=options)
    assert load_package(whole).package_sha256 == generator.package_sha256
    # a longer second stage has other weights, and its student is trained anew
    longer = train_generator(config, tmp_path / 'run', resume=True,
                             options=options | {'diffusion.train_cfg.max_iters': 8})
    assert load_package(longer).package_sha256 != generator.package_sha256


@pytest.mark.parametrize('stage', ['autoencoder', 'diffusion'])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
        stage, options, tmp_path, interrupt):
    whole = train_generator(CONFIG, tmp_path / 'whole', options=options)
    with interrupt(stage, 5):
        train_generator(CONFIG, tmp_path / 'broken', options=options)
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


def test_a_training_begun_anew_is_not_gone_on_with_as_the_one_before(options, tmp_path, interrupt):
    options |= {f'{stage}.train_cfg.max_iters': 2 for stage in ('autoencoder', 'diffusion')}
    old = load_package(train_generator(CONFIG, tmp_path / 'run', options=options)).package_sha256
    other = options | {'autoencoder.optim_wrapper.optimizer.lr': 1e-4}
    expected = train_generator(CONFIG, tmp_path / 'other', options=other)
    with interrupt('autoencoder', 1):
        train_generator(CONFIG, tmp_path / 'run', options=other)
    resumed = train_generator(CONFIG, tmp_path / 'run', resume=True, options=other)
    assert load_package(resumed).package_sha256 == load_package(expected).package_sha256 != old


def test_the_package_says_with_which_seed_it_was_trained(options, tmp_path):
    package = train_generator(CONFIG, tmp_path / 'run', options=options, seed=3)
    text = json.loads((package / 'package.json').read_text())['config_text']
    assert len(re.findall(r'^randomness ?= ?dict\(\s*seed=3\W', text, re.MULTILINE)) == 2
    assert str(tmp_path / 'run') not in text


def test_averaged_weights_of_an_autoencoder_are_refused(options, tmp_path):
    options['autoencoder.custom_hooks'] = [dict(type='EMAHook')]
    with pytest.raises(ValueError, match='EMAHook would save an autoencoder without the statist'):
        train_generator(CONFIG, tmp_path / 'run', options=options)


def test_a_stage_alone_that_is_finished_is_left_as_it_is(options, tmp_path):
    config = write_stage(tmp_path / 'alone.py', 'autoencoder')
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


def test_a_work_dir_is_of_one_training(options, tmp_path, held):
    with (held(tmp_path / 'run'),
          pytest.raises(ValueError, match='run is being written by another process')):
        train_generator(CONFIG, tmp_path / 'run', options=options)
    assert not (tmp_path / 'run').exists()


def test_an_option_for_no_stage_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'begins with the name of a stage \(autoencoder, diffus'):
        train_generator(CONFIG, tmp_path, options={'max_iters': 3})


@pytest.mark.parametrize('key', ['diffusion.optim_wraper.optimizer.lr', 'diffusion.genrator.steps',
                                 'autoencoder.train_clips.split'])
def test_an_option_that_nothing_reads_is_refused(tmp_path, key):
    with pytest.raises(ValueError, match=f'--cfg-options {key.partition(".")[2]}: '):
        train_generator(CONFIG, tmp_path, options={key: 3})
    assert not list(tmp_path.iterdir())


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


@pytest.mark.parametrize('classes', [('malignant', 'benign'), ['benign'], (0, 1),
                                     ('benign', 'malignant', 'normal')])
def test_a_generator_told_other_classes_than_the_data_is_refused_before_training(
        options, tmp_path, classes):
    with pytest.raises(ValueError, match=r'of training are benign, malignant, but those of the '
                                         r'model are .*set model.conditions'):
        train_generator(CONFIG, tmp_path / 'run',
                        options=options | {'diffusion.model.conditions': dict(label=classes)})
    assert not (tmp_path / 'run').exists()


def test_a_generator_told_the_classes_of_the_data_by_numbers_knows_them_by_name(options, tmp_path):
    table = tmp_path / 'videos.csv'
    table.write_text(table.read_text().replace('benign', '0').replace('malignant', '1'))
    options |= {f'{stage}.classes': (0, 1) for stage in (
        'autoencoder.train_dataloader.dataset', 'autoencoder.val_dataloader.dataset',
        'diffusion.train_dataloader.dataset.clips', 'diffusion.default_hooks.preview.clips')}
    options['diffusion.model.conditions'] = dict(label=(0, 1))
    options |= {f'{stage}.train_cfg.max_iters': 1 for stage in ('autoencoder', 'diffusion')}
    package = train_generator(CONFIG, tmp_path / 'run', options=options)
    card = json.loads((package / 'package.json').read_text())
    assert card['generator']['diffusion']['conditions'] == {'label': ['0', '1']}
    assert load_package(package)(torch.zeros(1, 1, 64, 64), [3], [{'label': '1'}]).isfinite().all()


def test_a_stage_whose_config_has_no_guard_is_guarded(options, tmp_path):
    options |= {'autoencoder.custom_hooks': [],
                'autoencoder.val_dataloader.dataset.classes': ('malignant', 'benign')}
    with pytest.raises(ValueError, match=r'ClassGuardHook: .* of validation are malignant, benign'):
        train_generator(CONFIG, tmp_path / 'run', options=options)


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
    write_stage(tmp_path / 'first.py', 'autoencoder')
    (tmp_path / 'second.py').write_text('model = dict()')
    (tmp_path / 'both.py').write_text("stages = dict(first='first.py', second='second.py')")
    with pytest.raises(ValueError, match=r'second\.py: the config lacks train_dataloader'):
        train_generator(tmp_path / 'both.py', tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_a_checkpoint_of_another_width_or_cut_off_is_not_gone_on_with(options, tmp_path):
    options = {key: 2 if key.endswith('max_iters') else value for key, value in options.items()}
    train_generator(CONFIG, tmp_path / 'run', options=options)
    wider = {'diffusion.model.denoiser.width': 48, 'diffusion.train_cfg.max_iters': 4}
    with pytest.raises(ValueError, match=r'\(diffusion.model.denoiser.width: 24 → 48\)'):
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


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """A folder with data and `run`, in which two iterations of each stage were trained."""
    folder = tmp_path_factory.mktemp('finished')
    train_generator(CONFIG, folder / 'run', options=short(folder))
    return folder


def short(folder, autoencoder=2, diffusion=2):
    return tiny(folder) | {'autoencoder.train_cfg.max_iters': autoencoder,
                           'diffusion.train_cfg.max_iters': diffusion}


@pytest.fixture
def begun(finished):
    """The folder of `finished`, as it was left."""
    kept = finished.parent / 'kept'
    shutil.copytree(finished, kept)
    yield finished
    shutil.rmtree(finished)
    kept.rename(finished)


def sha256(package):
    return load_package(package).package_sha256


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob('*.*')}


@pytest.mark.parametrize('iterations, anew', [
    ((4, 2), {'autoencoder', 'diffusion'}), ((2, 4), {'diffusion'})])
def test_a_longer_stage_is_trained_anew_and_what_depends_on_it_and_nothing_else(
        iterations, anew, begun):
    options, before = short(begun, *iterations), times(begun / 'run')
    resumed = train_generator(CONFIG, begun / 'run', resume=True, options=options)
    written = {path.parent.name for path in begun.rglob('run/*/iter_*.pth')
               if before.get(path) != path.stat().st_mtime_ns}
    assert written == anew
    assert sha256(resumed) == sha256(train_generator(CONFIG, begun / 'fresh', options=options))


def a_shorter_stage(folder):
    return {'autoencoder.train_cfg.max_iters': 1}, 'autoencoder.train_cfg.max_iters: 2 → 1'


def another_label(folder):
    table = folder / 'videos.csv'
    table.write_text(table.read_text().replace('0.npy,benign', '0.npy,malignant'))
    return {}, 'autoencoder.train_dataloader.dataset.ann_file: videos.csv'


def another_video(folder):
    np.save(folder / '0.npy', np.zeros((20, 64, 64), np.uint8))
    return {}, 'autoencoder.train_dataloader.dataset.ann_file.files: 6 files'


def another_order_of_classes(folder):
    key = 'diffusion.train_dataloader.dataset.clips.classes'
    return {key: ['malignant', 'benign']}, f'{key}.0: benign → malignant'


def another_model(folder):
    return {'diffusion.model.denoiser.depth': 2}, 'diffusion.model.denoiser.depth: 1 → 2'


def without_seeds(folder):
    return ({'diffusion.custom_hooks': [dict(type='DataGuardHook')]},
            'diffusion.custom_hooks.1.type: IterationSeedHook → absent')


def no_schedule(folder):
    return {'diffusion.default_hooks.param_scheduler': None}, 'ParamSchedulerHook → absent'


@pytest.mark.parametrize('change', [
    a_shorter_stage, another_label, another_video, another_order_of_classes, another_model,
    without_seeds, no_schedule])
def test_another_training_is_refused_before_the_first_stage_and_what_was_trained_stays(
        change, begun):
    options, before = short(begun), times(begun / 'run')          # writes the data again
    other, difference = change(begun)
    options |= other
    with pytest.raises(ValueError, match=r'^resume: ') as refused:
        train_generator(CONFIG, begun / 'run', resume=True, options=options)
    assert difference in str(refused.value)
    assert times(begun / 'run') == before


def test_another_seed_is_refused(begun):
    with pytest.raises(ValueError, match=r'autoencoder.randomness.seed: 0 → 5'):
        train_generator(CONFIG, begun / 'run', resume=True, options=short(begun), seed=5)


def test_what_changes_no_weight_may_change(options, tmp_path, interrupt):
    other = options | {'diffusion.generator.steps': 3, 'diffusion.log_processor.window_size': 7,
                       'diffusion.visualizer.vis_backends': [dict(type='LocalVisBackend')],
                       'diffusion.default_hooks.logger.interval': 1,
                       'diffusion.default_hooks.checkpoint.interval': 1,
                       'diffusion.default_hooks.checkpoint.max_keep_ckpts': 2,
                       'diffusion.default_hooks.preview.interval': 1,
                       'diffusion.default_hooks.preview.count': 1,
                       'diffusion.default_hooks.timer.type': 'LoggerHook',
                       'diffusion.log_level': 'CRITICAL'}
    fresh = train_generator(CONFIG, tmp_path / 'fresh', options=other)
    with interrupt('diffusion', 5):
        train_generator(CONFIG, tmp_path / 'run', options=options)
    resumed = train_generator(CONFIG, tmp_path / 'run', resume=True, options=other)
    assert read_checkpoint(tmp_path / 'run/diffusion/iter_5.pth')      # resumed at 4, not anew
    assert (tmp_path / 'run/diffusion/training.json').read_text().count('"seconds": null') == 1
    expected, found = (load_file(package / 'weights.safetensors') for package in (fresh, resumed))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_run_that_ended_before_its_package_was_written_gets_the_same_one(begun):
    before = sha256(begun / 'run/package')
    shutil.rmtree(begun / 'run/package')
    (begun / 'run/diffusion/training.json').unlink()
    assert sha256(train_generator(CONFIG, begun / 'run', resume=True,
                                  options=short(begun))) == before


def test_the_package_names_the_weights_and_the_data_of_every_stage(begun):
    stages = json.loads((begun / 'run/package/package.json').read_text())['stages']
    assert list(stages) == ['autoencoder', 'diffusion']
    for name, stage in stages.items():
        checkpoint = begun / 'run' / name / 'iter_2.pth'
        assert stage['weights_sha256'] == weights_sha256(read_checkpoint(checkpoint))
    given = stages['diffusion']['inputs']['model.autoencoder.init_cfg.checkpoint']
    assert stages['autoencoder']['weights_sha256'][:16] in given
    assert str(begun) not in json.dumps(stages)


def test_weights_whose_training_nobody_recorded_are_not_resumed(begun):
    checkpoint = begun / 'run/autoencoder/iter_2.pth'
    content = read_checkpoint(checkpoint)
    del content['meta']['training_record']
    torch.save(content, checkpoint)
    with pytest.raises(ValueError, match=r'autoencoder/iter_2\.pth does not say what it was train'):
        train_generator(CONFIG, begun / 'run', resume=True, options=short(begun))


def test_a_model_that_holds_another_autoencoder_is_not_packed(begun):
    checkpoint = begun / 'run/diffusion/iter_2.pth'
    content = read_checkpoint(checkpoint)
    content['state_dict']['autoencoder.latent_std'] += 1
    torch.save(content, checkpoint)
    before = sha256(begun / 'run/package')
    with pytest.raises(ValueError, match='1 weights differ, latent_std'):
        train_generator(CONFIG, begun / 'run', resume=True, options=short(begun))
    assert sha256(begun / 'run/package') == before


@pytest.mark.parametrize('option', [dict(save_last=False), dict(out_dir='elsewhere')])
def test_last_weights_that_would_lie_elsewhere_are_refused_before_training(
        option, options, tmp_path):
    [(key, value)] = option.items()
    with pytest.raises(ValueError, match=f'lddm.py: diffusion.default_hooks.checkpoint .*{key}'):
        train_generator(CONFIG, tmp_path / 'run', options=options | {
            f'diffusion.default_hooks.checkpoint.{key}': value})
    assert not (tmp_path / 'run').exists()
