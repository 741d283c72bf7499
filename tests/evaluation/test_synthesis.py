from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor

from lddm_aug.commands.network_arguments import load_networks
from lddm_aug.evaluation.clip_set import ClipSet, generate_clip_set
from lddm_aug.evaluation.image_quality import clip_distance
from lddm_aug.evaluation.recognizer_features import RecognizerFeatures
from lddm_aug.evaluation.synthesis import evaluate_synthesis
from lddm_aug.evaluation.synthesis_metrics import SynthesisOptions
from lddm_aug.evaluation.synthesis_metrics.diversity import vgg_diversity
from lddm_aug.evaluation.synthesis_metrics.frechet import frechet_distance
from lddm_aug.evaluation.synthesis_report import print_table, write_report
from lddm_aug.functional.pixels import to_unit
from lddm_aug.generators.base import Generator
from lddm_aug.generators.repeat_still import RepeatStill
from lddm_aug.models import samplers

QUICK = SynthesisOptions(resamples=20, diversity_stills=3, diversity_samples=3)


class Copies(Generator):
    """Hands out its training clips, whatever the still."""

    def __init__(self, training: Tensor) -> None:
        super().__init__(channels=1, size=16, num_frames=8, frame_stride=3)
        self.training_clips = to_unit(training)

    def generate(self, stills: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        return self.training_clips[[seed % len(self.training_clips) for seed in seeds]]


@pytest.fixture
def networks(recognizer):
    return dict(fd=RecognizerFeatures(recognizer.config, recognizer.checkpoint))


def test_every_figure_is_there_with_its_interval_and_json_holds_all(tiny_lddm, clips, networks):
    results = evaluate_synthesis(tiny_lddm, *clips, networks, QUICK)
    assert json.loads(json.dumps(results)) == results
    for figure in ('fd', 'psnr_db', 'ssim', 'div', 'two_sample_auc'):
        low, high = results[f'{figure}_interval']
        assert low <= high and results[figure] is not None, figure
    assert results['fd_network'] == 'FD-r3d_small' and results['fd_real'] > 0
    assert (results['fd_clips'], results['fd_features']) == (8, 64)
    [few] = [note for note in results['notes'] if '8 clips are not more than 64 features' in note]
    assert few.startswith('fd: ') and few.endswith('raise --segments, or add videos')
    assert results['div_name'] == 'DIV (r3d_small)' and results['div'] > 0
    for absent in ('fvd', 'dtfvd', 'lpips'):
        assert results[absent] is None and f'{absent}: no network was given' in results['notes']
    assert results['protocol']['clips'] == 8 and results['protocol']['groups'] == 4
    assert results == evaluate_synthesis(tiny_lddm, *clips, networks, QUICK)       # seeded


def test_the_protocol_names_a_sampler_that_was_registered_a_moment_ago(
        tiny_lddm, clips, monkeypatch):
    monkeypatch.setattr(samplers, '_SAMPLERS', {'v': {}})
    samplers.register_sampler('Mine', 'v')(samplers.ddim)
    results = evaluate_synthesis(tiny_lddm.with_sampler(name='Mine', steps=2), *clips,
                                 options=replace(QUICK, diversity_stills=0))
    assert results['protocol']['sampler'] == dict(name='Mine', steps=2, guidance=1., temperature=1.)


@pytest.fixture
def more_networks(networks, recognizer, vgg_path, make_i3d, tmp_path):
    """All but LPIPS's, each with other weights."""
    tempo = tmp_path / 'r3d_tempo.py'
    tempo.write_text(recognizer.config.read_text())
    state = torch.load(recognizer.checkpoint, weights_only=True)['state_dict']
    torch.save(dict(state_dict={name: weight.flip(0) if weight.ndim == 5 else weight
                                for name, weight in state.items()}), tmp_path / 'tempo.pth')
    args = Namespace(vgg=str(vgg_path), lpips=None, i3d=str(make_i3d('i3d', 3)),
                     dti3d=str(make_i3d('dti3d', 4)), device='cpu')
    return dict(networks, fd_tempo=RecognizerFeatures(tempo, tmp_path / 'tempo.pth'),
                **load_networks(args))


def test_each_distance_is_taken_in_its_own_networks_features(tiny_lddm, clips, more_networks):
    real, training = clips
    made = generate_clip_set(tiny_lddm, real)
    results = evaluate_synthesis(tiny_lddm, real, training, more_networks, QUICK, made)
    assert json.loads(json.dumps(results)) == results
    for figure, name, network in (
            ('fd', 'FD-r3d_small', more_networks['fd']), ('fvd', 'FVD', more_networks['i3d']),
            ('fd_tempo', 'FD-r3d_tempo', more_networks['fd_tempo']),
            ('dtfvd', 'DTFVD', more_networks['dti3d'])):
        theirs = network(real.clips)
        expected = frechet_distance(network(made.clips), theirs)
        assert results[figure] == pytest.approx(expected) and expected > 0
        assert results[f'{figure}_network'] == name and name in print_table(results)
        assert results[f'{figure}_features'] == theirs.shape[1]
        low, high = results[f'{figure}_interval']
        assert low < results[figure] < high and results[f'{figure}_real'] > 0
    assert results['fd'] != results['fd_tempo']
    assert set(results['networks']) == {'fd', 'fd_tempo', 'i3d', 'dti3d', 'vgg'}
    assert not any('no network was given' in note for note in results['notes'])


def test_where_lpips_itself_is_not_given_a_vgg_stands_in_and_says_so(
        clips, vgg_path, make_lpips):
    real, training = clips
    args = Namespace(vgg=str(vgg_path), lpips=str(make_lpips('vgg')[1]), i3d=None, dti3d=None,
                     device='cpu')
    both = load_networks(args)
    generator = RepeatStill(16, num_frames=8)
    made = generate_clip_set(generator, real)
    for networks, name in (
            (both, 'LPIPS (vgg, v0.1)'),
            (dict(vgg=both['vgg']), 'LPIPS-like (small_vgg, no linear weights)')):
        results = evaluate_synthesis(generator, real, training, networks, QUICK, made)
        assert results['lpips_name'] == name and name in print_table(results)
        assert results['lpips'] == pytest.approx(clip_distance(
            networks.get('lpips', networks['vgg']), made.clips, real.clips, frames=4).mean())
        assert results['lpips_interval'][0] < results['lpips'] < results['lpips_interval'][1]


def test_every_network_gives_the_diversity_of_the_same_clips(tiny_lddm, clips, more_networks):
    results = evaluate_synthesis(tiny_lddm, *clips, more_networks, QUICK)
    samples = torch.stack([                          # (stills, S, C, T, H, W)
        generate_clip_set(tiny_lddm, clips[0], sample=sample, indices=[0, 4, 7]).clips
        for sample in range(3)], dim=1)

    def div(network):
        return np.mean([np.mean((a - b) ** 2) for still in samples
                        for a, b in combinations(network(still), 2)])

    values = {name: row['value'] for name, row in results['div_variants'].items()}
    assert values == pytest.approx({
        'DIV (VGG)': vgg_diversity(more_networks['vgg'].features, samples, frames=4).mean(),
        'DIV (I3D)': div(more_networks['i3d']),
        'DIV (DTI3D × 1000)': 1000 * div(more_networks['dti3d']),
        'DIV (r3d_small)': div(more_networks['fd'])}, rel=1e-5)
    assert results['div_name'] == 'DIV (VGG)' and min(values.values()) > 0
    assert results['div'] == values['DIV (VGG)']


def test_real_clips_in_the_generators_place_are_perfect(tiny_lddm, clips, networks):
    real, training = clips
    results = evaluate_synthesis(tiny_lddm, real, training, networks, QUICK, generated=real)
    assert results['fd'] == pytest.approx(0, abs=1e-6) and results['ssim'] == pytest.approx(1)
    assert results['two_sample_auc'] == pytest.approx(0.5, abs=0.01)
    assert all(row['gap'] == 0 for row in results['temporal'].values())


def test_a_repeated_still_moves_not_at_all_and_has_no_diversity(clips, networks):
    results = evaluate_synthesis(RepeatStill(16, num_frames=8), *clips, networks, QUICK)
    assert results['div'] == 0
    assert results['temporal']['drift']['generated'] == [0] * 5
    assert results['temporal']['drift']['gap'] > 1 and results['two_sample_auc'] > 0.9


def test_a_generator_that_copies_its_training_clips_is_caught(clips):
    real, training = clips
    results = evaluate_synthesis(Copies(training.clips), real, training, None, QUICK)
    for found in results['memorisation'].values():
        assert found['near'] == 1 and found['copies'] == len(real)
    for pair in results['memorisation']['pixels']['closest']:
        assert pair['distance'] == pytest.approx(0, abs=1e-6)


def test_clips_that_do_not_fit_and_groups_that_were_trained_on_are_refused(clips):
    real, training = clips
    with pytest.raises(ValueError, match=r'real clips must have the shape \(1, 16, 16, 16\)'):
        evaluate_synthesis(RepeatStill(16), real, training)
    generator = RepeatStill(16, num_frames=8)
    generator.groups = ('q3',)
    with pytest.raises(ValueError, match=r'1 were trained on \(q3, …\); name another split'):
        evaluate_synthesis(generator, real, training)


def test_the_report_shows_the_closest_pairs_and_says_where_clips_are_few(
        tiny_lddm, clips, networks, tmp_path):
    real, training = clips
    results = evaluate_synthesis(tiny_lddm, real, training, networks, QUICK)
    generated = ClipSet(real.clips.flip(0), real.groups, real.labels)
    write_report(tmp_path / 'new' / 'out', results, generated, real, training, 'tiny <LDDM>')
    assert sorted(file.name for file in (tmp_path / 'new' / 'out').iterdir()) == [
        'evaluation.html', 'evaluation.json', 'memorisation.png', 'statistics.png']
    assert json.loads((tmp_path / 'new' / 'out' / 'evaluation.json').read_text()) == results
    page = (tmp_path / 'new' / 'out' / 'evaluation.html').read_text()
    assert page.count('nearest training clip') >= 16 and 'tiny &lt;LDDM&gt;' in page
    assert 'http' not in page.replace('http-equiv', '')
    assert 'N = 8, D = 64 (fewer clips than features)' in print_table(results)


def test_without_networks_and_with_one_group_the_rest_is_measured(tiny_lddm, clips):
    real, training = clips
    one = real.subset([0, 1])
    results = evaluate_synthesis(tiny_lddm, one, training, None, QUICK)
    assert results['fd'] is None and results['div'] is None and results['two_sample_auc'] is None
    assert results['psnr_db'] > 0 and results['psnr_db_interval'] is None
    assert torch.isfinite(torch.tensor(results['temporal']['flow']['gap']))
    assert 'PSNR' in print_table(results)


def test_a_gaps_interval_stays_finite_where_a_resample_holds_one_patient_only(clips):
    real, training = clips
    four = real.subset([0, 2, 4, 6])                 # in one of 64 resamples they are all the same
    results = evaluate_synthesis(RepeatStill(16, num_frames=8), four, training, None,
                                 replace(QUICK, resamples=200))
    for name, row in results['temporal'].items():
        low, high = row['gap_interval']
        assert low < row['gap'] < high < 3 * row['gap'] + 3, name


def test_of_one_clip_what_needs_two_is_left_out_and_a_note_says_what_to_do(
        tiny_lddm, clips, networks, tmp_path):
    real, training = clips
    one = real.subset([0])
    results = evaluate_synthesis(tiny_lddm, one, training, networks, QUICK)
    assert results['fd'] is None and results['fd_interval'] is None and results['psnr_db'] > 0
    assert all(row['gap'] is None and row['gap_interval'] is None
               for row in results['temporal'].values())
    notes = '\n'.join(results['notes'])
    assert 'fd: needs two held-out clips, but got one; raise --segments, or add videos' in notes
    assert 'which are all alike in flow, flow_spread' in notes
    assert 'widest gap' not in print_table(results) and 'PSNR' in print_table(results)
    write_report(tmp_path, results, one, one, training, 'tiny LDDM')
    assert json.loads((tmp_path / 'evaluation.json').read_text()) == results


def test_real_clips_that_are_alike_in_one_statistic_have_no_gap_in_it(clips):
    real, training = clips
    black = ClipSet(real.clips // 16, real.groups, real.labels)    # nothing lit, no speckle
    results = evaluate_synthesis(RepeatStill(16, num_frames=8), black, training, None, QUICK)
    without = {name for name, row in results['temporal'].items() if row['gap'] is None}
    assert without == {'speckle_contrast', 'contrast_kept', 'grain_x', 'grain_y'}
    assert 'widest gap' in print_table(results)


def test_of_one_training_clip_the_distance_is_measured_but_not_what_real_clips_reach(
        tiny_lddm, clips, networks):
    real, training = clips
    results = evaluate_synthesis(tiny_lddm, real, training.subset([0]), networks, QUICK)
    assert results['fd'] > 0 and results['fd_real'] is None
    assert ('fd_real: needs two training clips, but got one; raise --train-segments, or add videos'
            in results['notes'])
    assert 'real clips of the training groups' not in print_table(results)


def test_an_audit_of_clips_that_the_generator_never_saw_says_so(clips):
    real, training = clips                           # of p0 … p5
    generator = RepeatStill(16, num_frames=8)
    for groups, says in (
            ('p0 p1 p2 p4', 'not trained on 2 of the 6 groups of the training clips (p3, …)'),
            ('p0 p1 p2 p3 p4 p5 p6', None), ('', None)):           # unknown, where there are none
        generator.groups = tuple(groups.split())
        notes = evaluate_synthesis(generator, real, training, None, QUICK)['notes']
        said = [note for note in notes if note.startswith('memorisation: ')]
        assert says in said[0] if says else not said
