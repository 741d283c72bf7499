"""Table 1 of trainings of two iterations on noise, through the phantom's own configs."""
import json
import platform
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS

from lddm_aug.evaluation.synthesis import SynthesisOptions
from lddm_aug.experiments.table1 import table1
from lddm_aug.experiments.table1.results import format_table1
from lddm_aug.experiments.table1.table1 import Table1, make_table1, table_name
from lddm_aug.generators.base import Generator

ROOT = Path(__file__).parents[3]
SMALL = dict(encoder=dict(width=8), decoder=dict(widths=(8, 8, 8)))
OPTIONS = SynthesisOptions(resamples=5, diversity_stills=1, diversity_samples=2)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A prepared folder of eight videos, and our configs made small."""
    folder = tmp_path_factory.mktemp('table1')
    rows = ['path,label,group,split']
    for i, split in enumerate(['train'] * 4 + ['test'] * 4):
        video = np.random.default_rng(i).integers(256, size=(17, 64, 64), dtype=np.uint8)
        np.save(folder / f'{i}.npy', video)
        rows.append(f'{i}.npy,{("benign", "malignant")[i % 2]},p{i},{split}')
    (folder / 'videos.csv').write_text('\n'.join(rows))
    short = dict(train_cfg=dict(max_iters=2, val_interval=2), train_dataloader=dict(batch_size=2))
    first = dict(autoencoder=dict(**short, model=SMALL))
    for name in ('recognizer', 'r3d_tempo'):
        write(folder, name, **short)
    write(folder, 'lddm/lddm', stages=dict(**first, diffusion=dict(
        train_cfg=dict(max_iters=2), generator=dict(steps=1),
        train_dataloader=dict(batch_size=2, dataset=dict(autoencoder=SMALL, draws=1)),
        model=dict(autoencoder=SMALL, denoiser=dict(still_widths=(8, 8, 8), width=24, depth=1)))))
    write(folder, 'lddm/motion_transfer', stages=dict(**first, bank=dict(
        generator=dict(autoencoder=SMALL), bank=dict(autoencoder=SMALL, draws=1))))
    for name in ('lddm/repeat_still', 'lddm/random_warp'):
        write(folder, name)
    return folder


def write(folder, name, **difference):
    path = folder / 'configs' / f'{name}.py'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'_base_ = {str(ROOT / "mmaction_configs" / f"{name}.py")!r}\n'
                    + ''.join(f'{key} = {value!r}\n' for key, value in difference.items()))


@pytest.fixture(scope='module')
def table(folder):
    return Table1(data=str(folder), configs=folder / 'configs', work_dir=folder / 'work',
                  out=folder / 'out.json', generators=('lddm', 'repeat_still', 'motion_transfer'),
                  seeds=(0,), options=OPTIONS, recognizers=2, segments=1, train_segments=1,
                  sampler_steps=(3,), temperatures=(0.5,))


@pytest.fixture(scope='module')
def results(table):
    return make_table1(table)


def test_a_row_for_every_generator_with_every_figure(table, results):
    rows = json.loads(table.out.read_text())['rows']
    assert [row['generator'] for row in rows] == ['lddm', 'repeat_still', 'motion_transfer']
    for row in rows:
        assert row['seed'] == 0 and row['size'] == 64
        assert row['fd_network'] == f'FD-r3d_{table.data.rpartition("/")[2]}_real'
        first, second = row['fd_each']                           # of two networks, not the same
        assert row['fd'] == pytest.approx((first + second) / 2) and first != second
        assert row['psnr_db'] > 0 and row['div'] >= 0 and row['clips_per_second'] > 0
        assert row['lpips'] is None                              # no network was given
        assert len(row['fd_interval']) == 2 and 0 <= row['two_sample_auc'] <= 1
        assert row['machine'] == platform.machine() and 'torch' in row['versions']
    lddm, still, _ = rows
    assert still['gflop_per_clip'] == 0 < lddm['gflop_per_clip']
    assert still['div'] == 0
    assert still['training_seconds'] == 0 < lddm['training_seconds']
    kept = json.loads(table.out.read_text())
    assert kept['protocol']['size'] == 64 and 'torch' in kept['versions']
    assert kept['paper']['lddm']['fvd'] == 53.82


@MODELS.register_module()
class Black(Generator):
    """Nothing but the still, and black frames after it."""

    def __init__(self, size, num_frames=16, frame_stride=3):
        super().__init__(channels=1, size=size, num_frames=num_frames, frame_stride=frame_stride)

    def generate(self, stills, seeds, labels):
        clips = torch.full((len(stills), 1, self.num_frames, self.size, self.size), -1.)
        clips[:, :, 0] = stills
        return clips


@pytest.mark.parametrize('where', ['configs/lddm', 'elsewhere'])
def test_a_generator_of_ones_own_is_a_recipe_and_has_its_row(table, results, folder, where):
    recipe = folder / where / 'black.py'
    recipe.parent.mkdir(exist_ok=True)
    recipe.write_text("_base_ = 'lddm_aug::_base_/generator.py'\n"
                      "generator = dict(type='Black', **_base_.clip)\n")
    named = 'black' if where == 'configs/lddm' else str(recipe)
    other = replace(table, generators=(named, 'lddm'), out=folder / where / 'black.json',
                    sampler_steps=(), temperatures=())
    made = make_table1(other)
    recipe.unlink()
    assert [row['generator'] for row in made['rows']] == ['lddm', 'black']
    black = made['rows'][1]
    assert black['div'] == 0
    assert black['fd'] > results['rows'][1]['fd'] > 0                # than repeated stills
    line = format_table1(made).splitlines()[2].split()
    assert line[:2] == ['black', '1'] and f'{black["fd"]:.3g}' in line
    with pytest.raises(ValueError, match=r'generators are lddm, .*, or files of recipes, but got'):
        replace(other)
    with pytest.raises(ValueError, match='every generator has a name of its own'):
        replace(table, generators=('lddm', 'lddm'))


def test_generators_share_an_autoencoder(table, results):
    assert len(list(table.work_dir.glob('autoencoder_*'))) == 1
    assert len(list(table.work_dir.glob('diffusion_*'))) == 1


def test_the_number_of_steps_is_compared_on_the_same_noise(table, results):
    [row] = results['sampler_steps']
    assert (row['steps'], row['default_steps']) == (3, 1)
    for figure in ('fd', 'fd_tempo'):
        assert row[f'{figure}_default'] == pytest.approx(results['rows'][0][figure])
        assert row[f'{figure}_change'] == pytest.approx(
            row[f'{figure}_default'] / row[figure] - 1)
    assert 'LDDM, seed 0, 3 steps: FD ' in format_table1(results)


def test_a_colder_lddm_is_measured_beside_the_table(table, results):
    [row] = results['temperatures']
    assert row['temperature'] == row['sampler']['temperature'] == 0.5
    assert results['rows'][0]['sampler']['temperature'] == 1
    assert row['psnr_db'] != results['rows'][0]['psnr_db']           # other clips
    assert f'LDDM at temperature 0.5, 1 seeds: FD {row["fd"]:.3g}' in format_table1(results)


def test_the_table_stands_beside_the_papers(results):
    text = format_table1(results)
    assert 'the paper, lddm: FVD 53.82, DTFVD 0.58, LPIPS 0.32, DIV 1.07' in text
    lines = text.splitlines()
    assert lines[0].split()[:3] == ['generator', 'seeds', 'FD']
    assert lines[1].split()[:2] == ['lddm', '1']


def test_what_was_done_is_not_done_again(table, results, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError('it was done before')

    before = table.out.read_bytes()
    for name in ('train_generator', 'evaluate_synthesis', '_compare_steps'):
        monkeypatch.setattr(table1, name, never)
    assert make_table1(table)['rows'] == json.loads(before)['rows']


def test_one_row_is_measured_again_without_training_again(table, results, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError('it was trained before')

    measured = []
    evaluate = table1.evaluate_synthesis
    monkeypatch.setattr(table1, 'train_generator', never)
    monkeypatch.setattr(table1, 'evaluate_synthesis', lambda *args: measured.append(args) or
                        evaluate(*args))
    again = make_table1(replace(table, generators=('repeat_still',), redo=True, sampler_steps=(),
                                temperatures=()))
    assert len(measured) == 1
    assert [row['fd'] for row in again['rows']] == [row['fd'] for row in results['rows']]


def test_a_killed_run_keeps_the_rows_before(table, results, folder, monkeypatch):
    evaluate = table1.evaluate_synthesis

    def die(generator, *args):
        if type(generator).__name__ == 'RepeatStill':
            raise KeyboardInterrupt
        return evaluate(generator, *args)

    killed = replace(table, out=folder / 'killed.json', sampler_steps=(), temperatures=())
    monkeypatch.setattr(table1, 'evaluate_synthesis', die)
    with pytest.raises(KeyboardInterrupt):
        make_table1(killed)
    assert [row['generator'] for row in json.loads(killed.out.read_text())['rows']] == ['lddm']


def test_rows_that_were_measured_in_another_way_are_not_mixed_in(table, results):
    with pytest.raises(ValueError, match=r'measured in another way \(segments differ\)'):
        make_table1(replace(table, segments=2))
    with pytest.raises(ValueError, match=r'measured in another way \(cfg_options differ\)'):
        make_table1(replace(table, cfg_options={'diffusion.train_cfg.max_iters': 3}))


def test_options_change_the_stages_that_a_generator_has_and_no_other(table, results, folder):
    other = replace(table, out=folder / 'options.json', sampler_steps=(), temperatures=(),
                    cfg_options={'diffusion.train_cfg.max_iters': 3})
    lddm, still, transfer = make_table1(other)['rows']
    assert [row['identity'] for row in (still, transfer)] == [
        row['identity'] for row in results['rows'][1:]]
    assert lddm['identity'] != results['rows'][0]['identity']
    trained = [json.loads(file.read_text())['diffusion']['iterations']
               for file in table.work_dir.glob('lddm_*/training.json')]
    assert sorted(trained) == [2, 3]
    assert len(list(table.work_dir.glob('autoencoder_*'))) == 1       # is shared


@pytest.mark.parametrize('text', [
    '{', '[]', '{"rows": [1], "sampler_steps": []}', '{"rows": [], "sampler_steps": []}',
    '{"rows": [{"generator": "lddm", "seed": 0}], "sampler_steps": [], "protocol": {}}',
    '{"rows": {}, "sampler_steps": [], "protocol": {}}', '[' * 10 ** 5])
def test_json_of_another_tool_is_not_written_over(table, folder, text):
    (folder / 'other.json').write_text(text)
    with pytest.raises(ValueError, match=r'other.json holds no results of this tool'):
        make_table1(replace(table, out=folder / 'other.json'))
    assert (folder / 'other.json').read_text() == text


def test_a_changed_config_is_trained_anew_and_its_older_row_compared_with_none(
        folder, table, results, capsys):
    before = table1._identity(table.stages('lddm').values(), 0)
    path = table.config('lddm')
    text = path.read_text()
    path.write_text(text + "remark = 'read by nothing'\n")
    assert table1._identity(table.stages('lddm').values(), 0) == before
    path.write_text(text + 'randomness = dict(seed=5)\n')
    after = table1._identity(table.stages('lddm').values(), 0)
    compared = make_table1(replace(table, generators=('repeat_still',)))
    path.write_text(text)
    assert before != after
    assert [row['generator'] for row in compared['rows']] == ['repeat_still', 'motion_transfer']
    assert 'lddm, seed 0: left out, since configs' in capsys.readouterr().out
    assert len(json.loads(table.out.read_text())['rows']) == 3


def test_distances_in_other_weights_of_the_network_are_not_compared(
        table, results, folder, capsys):
    """As where our own rows are continued, on a machine that trained the network anew."""
    other = json.loads(table.out.read_text())
    for row, factor in zip(other['rows'], (1, 1.001, 2), strict=True):
        if factor > 1:
            row['networks']['fd']['sha256'] = 'of another file'
            row['fd_real'] *= factor
    (folder / 'other.json').write_text(json.dumps(other))
    compared = make_table1(replace(table, out=folder / 'other.json'))
    assert [row['generator'] for row in compared['rows']] == ['lddm', 'repeat_still']
    assert 'motion_transfer, seed 0: left out, since its distance' in capsys.readouterr().out
    other['rows'][0]['networks']['fd']['sha256'] = 'of another file'     # nothing was measured here
    (folder / 'other.json').write_text(json.dumps(other))
    assert len(make_table1(replace(table, out=folder / 'other.json'))['rows']) == 3


@pytest.mark.parametrize('wrong, message', [
    (dict(generators=('gan',)), 'generators are lddm, repeat_still, .*, or files .*, but got gan'),
    (dict(seeds=(-1,)), r'seeds must lie in \[0, 2\^32\), but got \[-1\]'),
    (dict(recognizers=0), 'recognizers counts networks and is at least 1, but got 0'),
    (dict(sampler_steps=(0,)), r'sampler_steps must lie in \[1, 1000\], but got \[0\]'),
    (dict(temperatures=(-1,)), r'temperatures are standard deviations, 0 or more, but got \[-1\]'),
    (dict(cfg_options={'flow.lr': 1}), r'begins with the name of a stage \(autoencoder, bank, '
     r'diffusion\), but got flow\.lr'),
    (dict(generators=('repeat_still',), cfg_options={'a.b': 1}), 'have none'),
    (dict(size=80), 'size of clips must be .*80'),
    (dict(data='mri'), 'data: .*mri.*busv, covid_blues, phantom')])
def test_what_cannot_be_made_is_refused(table, wrong, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        replace(table, **wrong)


def test_the_tool_prints_the_table(table, results, folder, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(table1, 'make_table1', lambda made: asked.append(made) or results)
    monkeypatch.setattr(sys, 'argv', [
        'table1.py', '--data', str(folder), '--generators', 'lddm', '--seeds', '1', '--redo',
        '--configs', str(table.configs), '--work-dir', str(folder / 'work'), '--out',
        str(folder / 'out.json'), '--sampler-steps', '4', '--temperatures', '0.7',
        '--cfg-options', 'diffusion.train_cfg.max_iters=3', '--size', '64'])
    runpy.run_path(str(ROOT / 'tools/table1.py'), run_name='__main__')
    assert 'the paper, cinn' in capsys.readouterr().out
    [made] = asked
    assert (made.data, made.size, made.redo, made.amp) == (str(folder), 64, True, False)
    assert (made.generators, made.seeds) == (['lddm'], [1])
    assert (made.sampler_steps, made.temperatures) == ([4], [0.7])
    assert made.work_dir == folder / 'work' and made.out == folder / 'out.json'
    assert made.cfg_options == {'diffusion.train_cfg.max_iters': 3}
    assert made.command.endswith('--size 64')


def test_every_generator_of_busv_can_be_asked_for_at_its_size_and_at_others():
    own = Table1(data='busv', work_dir=Path('w'), out=Path('o'))
    assert table_name('busv') == table_name('busv', size=128) == 'busv'
    other = replace(own, size=224, generators=('lddm',))
    assert table_name('busv', size=224) == 'busv_224'
    sizes = [[*each.stages('lddm').values()][-1].generator.size for each in (own, other)]
    assert sizes == [128, 224]
    # the networks of the Fréchet distances see the data at its own size, whatever the clips' is
    networks = [each.feature_configs()['fd'].to_dict() for each in (own, other)]
    assert networks[0] == networks[1]


def test_the_conclusions_are_ratios_of_means():
    rows = [dict(generator=name, seed=seed, fd=fd, clips_per_second=rate, fd_clips=40,
                 fd_features=64, machine='x86_64')
            for name, rate, fds in (('lddm', 6., (1., 2.)), ('cinn', 5., (2., 4.)),
                                    ('cinn_paper', .5, (3., 3.))) for seed, fd in enumerate(fds)]
    text = format_table1(dict(rows=rows, sampler_steps=[]))
    assert "LDDM's FD is 0.50 × cINN's; the paper's FVD is 0.91 ×" in text
    assert 'LDDM makes 12.0 × as many clips per second as the published cINN, on x86_64' in text
    assert '1.5±0.71' in text
    assert 'FD: of N = 40 clips, in D = 64 features (fewer clips than features' in text
    rows.append(dict(rows[0], clips_per_second=600., machine='a GPU'))   # compared with none
    assert 'on a GPU' not in format_table1(dict(rows=rows, sampler_steps=[]))
