import json
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lddm_aug.experiments.demo.summary import (
    gains_of,
    read_runs,
    student_interval,
    write_summary,
)

# accuracy of LDDM's mix above real only: .10 and .20 on phantom 1, .30 and .40 on phantom 2
ACCURACY = {(1, 0): (.50, .60), (1, 1): (.60, .80), (2, 0): (.40, .70), (2, 1): (.50, .90)}


@pytest.fixture
def rows():
    return [{'phantom_seed': phantom, 'recognizer_seed': seed, 'training_set': name,
             'accuracy': accuracy, 'auc': None}
            for (phantom, seed), scores in ACCURACY.items()
            for name, accuracy in zip(('real', 'lddm_mix'), scores, strict=True)]


def write(folder, content):
    folder.mkdir()
    (folder / 'results.json').write_text(json.dumps(content))
    return folder


def test_a_gain_is_the_mean_over_phantoms_of_paired_differences(rows):
    gain, = gains_of(rows)
    assert (gain.training_set, gain.over, gain.metric) == ('lddm_mix', 'real', 'accuracy')
    assert gain.of_phantom == pytest.approx({1: .15, 2: .35})
    assert gain.value == pytest.approx(.25)
    # t(.975; 1) = 12.706, and the standard error of .15 and .35 is .1
    assert (gain.low, gain.high) == pytest.approx((.25 - 1.2706, .25 + 1.2706), abs=1e-4)


def test_a_seed_that_one_training_set_lacks_is_not_compared(rows):
    gain, = gains_of(rows[1:])                       # without real only, phantom 1, seed 0
    assert gain.of_phantom == pytest.approx({1: .20, 2: .35})


def test_a_single_phantom_has_no_interval():
    assert student_interval([.2]) == (None, None)


def test_rows_are_read_from_runs_and_from_what_was_written(rows, tmp_path):
    runs = [write(tmp_path / str(phantom), {'note': '', 'rows': [
        row for row in rows if row['phantom_seed'] == phantom]}) for phantom in (2, 1)]
    read = read_runs(runs)
    table = write_summary(read, tmp_path / 'out' / 'demo.json')
    assert sorted(read, key=str) == sorted(rows, key=str)
    assert read_runs([tmp_path / 'out' / 'demo.json']) == read
    assert table[2].startswith('| LDDM clips − real only | +25.0 [')
    ElementTree.parse(tmp_path / 'out' / 'demo.svg')


def test_what_cannot_be_summarized_is_refused(rows, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'results\.json'):
        read_runs([tmp_path])
    run = write(tmp_path / 'run', {'note': '', 'rows': rows})
    with pytest.raises(ValueError, match='twice'):
        read_runs([run, run])
    with pytest.raises(ValueError, match='quick'):
        read_runs([write(tmp_path / 'quick', {'note': 'A quick run', 'rows': rows})])
    with pytest.raises(ValueError, match=r'results\.json.*accuracy'):
        read_runs([write(tmp_path / 'damaged', {'note': '', 'rows': [
            {**rows[0], 'accuracy': 'high'}]})])
    with pytest.raises(ValueError, match='own data'):
        read_runs([write(tmp_path / 'own', {'note': '', 'rows': [
            {**rows[0], 'phantom_seed': None}]})])
    with pytest.raises(ValueError, match='no two training sets'):
        write_summary(rows[::2], tmp_path / 'demo.json')


def test_every_comparison_of_four_training_sets_is_listed():
    names = ('real', 'still_mix', 'lddm_mix', 'oracle')
    rows = [{'phantom_seed': phantom, 'recognizer_seed': 0, 'training_set': name,
             'accuracy': .5, 'auc': .5} for phantom, name in product((1, 2), names)]
    assert [(gain.training_set, gain.over) for gain in gains_of(rows) if gain.metric == 'auc'] == [
        ('still_mix', 'real'), ('lddm_mix', 'real'), ('oracle', 'real'), ('lddm_mix', 'still_mix')]


def test_the_demos_page_shows_its_rows(tmp_path):
    kept = Path(__file__).parents[3] / 'docs/results/demo.json'
    table = write_summary(read_runs([kept]), tmp_path / 'demo.json')
    for ending in ('.json', '.svg'):
        assert (tmp_path / 'demo.json').with_suffix(ending).read_text(
            encoding='utf-8') == kept.with_suffix(ending).read_text(encoding='utf-8')
    page = kept.with_suffix('.md').read_text(encoding='utf-8').replace('**', '')
    assert all(line in page for line in table[2:])
