"""A metric of one's own: one class, and every output has it."""
from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from lddm_aug.evaluation.clip_set import generate_clip_set
from lddm_aug.evaluation.synthesis import evaluate_synthesis
from lddm_aug.evaluation.synthesis_metrics import (
    MeanMetric,
    SynthesisMetric,
    SynthesisOptions,
    base,
    register_metric,
    registered_metrics,
)
from lddm_aug.evaluation.synthesis_report import print_table, write_report
from lddm_aug.experiments.table1.results import format_table1
from lddm_aug.generators.repeat_still import RepeatStill

QUICK = SynthesisOptions(resamples=20, diversity_stills=0)


@pytest.fixture(autouse=True)
def others(monkeypatch):
    """What is registered in a test is forgotten after it."""
    monkeypatch.setattr(base, '_METRICS', dict(base._METRICS))
    return base._METRICS


class Brightness(MeanMetric):
    """The mean grey level of each clip."""

    name, title, unit, better = 'grey', 'grey level', 'of 255', 'higher'

    def values(self, evaluation):
        return evaluation.generated.clips.double().mean(dim=(1, 2, 3, 4)).numpy()


def test_a_registered_metric_stands_in_the_results_the_table_the_page_and_in_table_1(
        clips, tmp_path):
    real, training = clips
    generator = RepeatStill(16, num_frames=8)
    before = evaluate_synthesis(generator, real, training, options=QUICK)
    register_metric(Brightness)
    results = evaluate_synthesis(generator, real, training, options=QUICK)
    assert {key: results[key] for key in before} == before
    made = generate_clip_set(generator, real)
    expected = np.mean([clip.double().mean() for clip in made.clips])
    assert results['grey'] == pytest.approx(expected)
    low, high = results['grey_interval']
    assert low < expected < high

    [line] = [line for line in print_table(results).splitlines() if 'grey level, of 255' in line]
    assert f'{expected:.4g}' in line and f'[{low:.3g}, {high:.3g}]' in line
    write_report(tmp_path, results, real, real, training, '')
    assert json.loads((tmp_path / 'evaluation.json').read_text())['grey'] == results['grey']
    page = (tmp_path / 'evaluation.html').read_text()
    assert 'grey level, of 255' in page.partition('<td>' + f'{expected:.4g}')[0]

    rows = [dict(results, generator='lddm', seed=seed) for seed in (0, 1)]
    [heads, figures, *_] = format_table1(dict(rows=rows, sampler_steps=[])).splitlines()
    assert 'grey level' in heads and f'{expected:.3g}±0' in figures


def test_results_from_before_a_metric_was_there_are_still_shown(clips):
    results = evaluate_synthesis(RepeatStill(16, num_frames=8), *clips, options=QUICK)
    register_metric(Brightness)
    assert 'grey level' not in print_table(results) and 'PSNR' in print_table(results)


def test_a_metric_that_measures_nothing_says_none_and_is_not_shown(clips):
    class Absent(Brightness):
        def values(self, evaluation):
            evaluation.notes.append('grey: too dark')

    register_metric(Absent)
    results = evaluate_synthesis(RepeatStill(16, num_frames=8), *clips, options=QUICK)
    assert results['grey'] is None and 'grey: too dark' in results['notes']
    assert 'grey level' not in print_table(results)


def test_a_second_metric_of_a_name_or_key_is_refused(clips):
    register_metric(Brightness)
    with pytest.raises(ValueError, match="there is a metric 'grey' already"):
        register_metric(Brightness)

    class Other(SynthesisMetric):
        name = 'other'

        def measure(self, evaluation):
            return dict(other=1., ssim=1.)

    register_metric(Other)
    with pytest.raises(ValueError, match="the metric 'other' gives ssim, which another one"):
        evaluate_synthesis(RepeatStill(16, num_frames=8), *clips, options=QUICK)


def test_a_network_that_no_metric_looks_through_is_refused(clips):
    with pytest.raises(ValueError, match=r'the networks .*vgg, but got vggg'):
        evaluate_synthesis(RepeatStill(16, num_frames=8), *clips, dict(vggg=None),
                           replace(QUICK, resamples=0))


def test_metrics_that_are_new_come_after_those_that_tables_always_had():
    names = [metric.name for metric in registered_metrics()]
    register_metric(Brightness)
    assert [metric.name for metric in registered_metrics()] == [*names, 'grey']
    assert names[0] == 'fd' and names[-1] == 'memorisation'
