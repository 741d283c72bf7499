from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from lddm_aug.evaluation.clip_set import ClipSet, read_split
from lddm_aug.evaluation.recognizer_features import RecognizerFeatures
from lddm_aug.evaluation.synthesis import (
    EvaluationNetworks,
    SynthesisOptions,
    evaluate_synthesis,
)
from lddm_aug.evaluation.synthesis_report import print_table, write_report
from lddm_aug.functional.pixels import to_unit
from lddm_aug.generators.base import Generator
from lddm_aug.generators.repeat_still import RepeatStill

QUICK = SynthesisOptions(resamples=20, diversity_stills=3, diversity_samples=3)


class Copies(Generator):
    """Hands out its training clips, whatever the still."""

    def __init__(self, training: Tensor) -> None:
        super().__init__(channels=1, size=16, num_frames=8, frame_stride=3)
        self.training_clips = to_unit(training)

    def generate(self, stills: Tensor, seeds: Sequence[int], labels: Tensor) -> Tensor:
        return self.training_clips[[seed % len(self.training_clips) for seed in seeds]]


@pytest.fixture
def clips(videos):
    """Held-out and training clips in the tiny LDDM's form."""
    form = RepeatStill(16, num_frames=8)
    return read_split(videos, 'test', form), read_split(videos, 'train', form)


@pytest.fixture
def networks(recognizer):
    return EvaluationNetworks(fd=RecognizerFeatures(recognizer.config, recognizer.checkpoint))


def test_every_figure_is_there_with_its_interval_and_json_holds_all(tiny_lddm, clips, networks):
    results = evaluate_synthesis(tiny_lddm, *clips, networks, QUICK)
    assert json.loads(json.dumps(results)) == results
    for figure in ('fd', 'psnr_db', 'ssim', 'div', 'two_sample_auc'):
        low, high = results[f'{figure}_interval']
        assert low <= high and results[figure] is not None, figure
    assert results['fd_network'] == 'FD-r3d_small' and results['fd_real'] > 0
    assert (results['fd_clips'], results['fd_features']) == (8, 64)
    assert 'fd: 8 clips are not more than 64 features' in ' '.join(results['notes'])
    assert results['div_name'] == 'DIV (r3d_small)' and results['div'] > 0
    for absent in ('fvd', 'dtfvd', 'lpips'):
        assert results[absent] is None and f'{absent}: no network was given' in results['notes']
    assert results['protocol']['clips'] == 8 and results['protocol']['groups'] == 4
    assert results == evaluate_synthesis(tiny_lddm, *clips, networks, QUICK)       # seeded


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
