from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from lddm_aug.experiments.study.plan import Run
from lddm_aug.experiments.study.records import keep, scores_file
from lddm_aug.experiments.study.report import write_report
from lddm_aug.experiments.study.tables import ALL, Lines, Results, Table, all_blocks, means

# of 40 test videos, how many are recognized at each ratio
RIGHT = {'real': {'7:3': 30, '3:7': 20}, 'real_twice': {'7:3': 30, '3:7': 20},
         'still_mix': {'7:3': 30, '3:7': 24}, 'lddm_mix': {'7:3': 32, '3:7': 33},
         'oracle': {'7:3': 30, '3:7': 36}}
TRAINED = {'7:3': 62, '3:7': 26}


def keep_run(out: Path, run: Run, right: int) -> None:
    labels = np.arange(40) % 2
    said = np.where(np.arange(40) < right, labels, 1 - labels)
    videos = {f'v{n}.npy': [f'p{n}', 'ab'[labels[n]], [0.9, 0.1] if said[n] == 0 else [0.2, 0.8]]
              for n in range(40)}
    keep(out, {**run.key, 'iterations': 160, 'n_test': 40, 'n_train': TRAINED[run.ratio],
               'accuracy': right / 40, 'f1_macro': 0., 'f1_weighted': 0., 'auc': None,
               'form': 'small'}, {'classes': ['a', 'b'], 'videos': videos})


@pytest.fixture(scope='module')
def out(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('study') / 'study_toy.jsonl'
    for name, of_ratio in RIGHT.items():
        times = None if name == 'real' else 1.
        for ratio, right in of_ratio.items():
            for seed in (0, 1):
                keep_run(out, Run('tsm', name, ratio, seed, times), right)
                keep_run(out, Run('tdn', name, ratio, seed, times), right)
    for seed in (0, 1):
        keep_run(out, Run('tsm', 'lddm_mix', '3:7', seed, 2.), 34)
        keep_run(out, Run('tdn', 'lddm_mix', '3:7', seed, 2.), 34)
    return out


@pytest.fixture(scope='module')
def results(out: Path) -> Results:
    return Results.read(out, count=400)


def block(results: Results, start: str) -> Table | Lines:
    return next(each for each in all_blocks(results) if each.title.startswith(start))


def cells(table: Table | Lines, *lead: str) -> list[str]:
    assert isinstance(table, Table)
    return next(row[len(lead):] for row in table.rows if row[:len(lead)] == list(lead))


def test_the_first_table_is_the_papers(results: Results):
    table = block(results, 'F1 / accuracy')
    assert table.header == ['recognizer', 'trained on', '7:3', '3:7']
    f1, accuracy = (part.split()[0] for part in cells(table, 'TSM', 'lddm_mix')[1].split(' / '))
    assert accuracy == '82.5' and abs(float(f1) - 82.5) < 0.1
    assert [row[0] for row in table.rows] == ['TSM'] * 5 + ['TDN'] * 5 + ['all of them'] * 5


def test_tables_show_the_ratio_that_most_mixes_have(tmp_path):
    out = tmp_path / 'study_twice.jsonl'
    for seed in (0, 1):
        keep_run(out, Run('tsm', 'real', '3:7', seed), 20)
        keep_run(out, Run('tsm', 'still_mix', '3:7', seed, 2.), 30)
        keep_run(out, Run('tsm', 'oracle', '3:7', seed, 2.), 36)
    keep_run(out, Run('tsm', 'still_mix', '3:7', 0, 1.), 10)
    results = Results.read(out, count=50)
    assert results.usual_times == 2
    assert cells(block(results, 'Accuracy: against'), 'TSM', '3:7', 'oracle')[0].startswith('+40.0')
    assert cells(means(results, 'accuracy'), 'TSM', 'still_mix')[0].startswith('75.0')


def test_differences_are_in_points_with_a_mark_where_0_is_left_out(results: Results):
    table = block(results, 'Accuracy: against')
    assert table.header[3:] == ['− real', '− real_twice', '− still_mix']
    against = cells(table, 'all of them', '3:7', 'lddm_mix')
    assert [each.split()[0] for each in against] == ['+32.5', '+32.5', '+22.5']
    assert all(each.endswith('*') for each in against)
    assert cells(table, 'TSM', '7:3', 'real_twice')[:2] == ['+0.0 [+0.0, +0.0]', '–']


def test_what_is_recovered_is_the_part_of_the_oracles_gain(results: Results):
    table = block(results, 'Accuracy: how much')
    above_real, above_still = cells(table, 'all of them', '3:7', 'lddm_mix')
    assert above_real.startswith(f'{100 * 13 / 16:.1f} [')
    assert above_still.startswith(f'{100 * 9 / 12:.1f} [')
    # at 7:3 the oracle brings nothing, so nothing can be recovered
    assert '7:3' not in {row[1] for row in table.rows}


def test_gains_are_plotted_by_real_videos_and_by_ratio(results: Results):
    by_data = block(results, 'Accuracy: gain over real only, by how much real data')
    assert [(x, y) for x, y, *_ in by_data.points['lddm_mix']] == [
        (26, pytest.approx(32.5)), (62, pytest.approx(5))]
    by_ratio = block(results, 'Accuracy: gain over real only, by synthetic')
    assert [(x, y) for x, y, *_ in by_ratio.points['lddm_mix']] == [
        (1, pytest.approx(32.5)), (2, pytest.approx(35))]
    assert by_ratio.note.startswith('Mean of TSM, TDN (lddm_mix), at 3:7; points')


@pytest.fixture
def uneven(tmp_path: Path) -> Results:
    """TSM was run with options and at two ratios, TDN without and at one."""
    out = tmp_path / 'study_uneven.jsonl'
    for seed in (0, 1):
        for recognizer in ('tsm', 'tdn'):
            keep_run(out, Run(recognizer, 'real', '3:7', seed), 20)
            keep_run(out, Run(recognizer, 'synthetic', '3:7', seed), 16)
            keep_run(out, Run(recognizer, 'lddm_mix', '3:7', seed, 1.), 30)
        keep_run(out, Run('tsm', 'lddm_mix', '3:7', seed, 2.), 34)
        keep_run(out, Run('tsm', 'lddm_mix+soft', '3:7', seed, 1.), 36)
    return Results.read(out, count=50)


def test_the_plot_by_ratio_names_the_recognizers_that_were_run_at_several(uneven: Results):
    plot = block(uneven, 'Accuracy: gain over real only, by synthetic')
    assert {name: [(x, y) for x, y, *_ in points] for name, points in plot.points.items()} == {
        'lddm_mix': [(1, pytest.approx(25)), (2, pytest.approx(35))]}
    assert plot.note.startswith('TSM (lddm_mix), at 3:7; points')


def test_options_are_compared_with_the_same_training_set_without_them(uneven: Results):
    table = block(uneven, 'Accuracy: against')
    assert table.header[3:] == ['− real', '− without options']
    over_real, over_base = cells(table, 'TSM', '3:7', 'lddm_mix+soft')
    assert over_real.startswith('+40.0 [') and over_base.startswith('+15.0 [')
    assert over_base.endswith('*') and cells(table, 'TSM', '3:7', 'lddm_mix')[1] == '–'


def test_options_are_compared_with_stills_with_the_same_options(uneven: Results, tmp_path: Path):
    for seed in (0, 1):
        keep_run(tmp_path / 'study_uneven.jsonl', Run('tsm', 'still_mix+soft', '3:7', seed, 1.), 32)
    table = block(Results.read(tmp_path / 'study_uneven.jsonl', count=50), 'Accuracy: against')
    assert table.header[-1] == '− still_mix with them'
    assert cells(table, 'TSM', '3:7', 'lddm_mix+soft')[-1].startswith('+10.0 [')
    assert cells(table, 'TSM', '3:7', 'still_mix+soft')[-1] == '–'
    assert cells(table, 'TSM', '3:7', 'lddm_mix')[-1] == '–'


@pytest.mark.parametrize('title', ['F1 / accuracy', 'AUC'])
def test_what_was_not_run_is_no_row(uneven: Results, title: str):
    assert [row[:2] for row in block(uneven, title).rows if '+' in row[1]] == [
        ['TSM', 'lddm_mix+soft']]


def test_it_says_whether_the_gain_grows_as_real_data_shrinks(results: Results):
    table = block(results, 'Does the gain grow')
    assert cells(table, 'Accuracy', 'lddm_mix', '7:3')[1] == 'grows'
    assert cells(table, 'Accuracy', 'real_twice', '7:3')[1] == 'within noise'


@pytest.fixture
def unpaired(tmp_path: Path) -> Path:
    """Seeds that not all were run with, on splits that are hard (0), easy (1) and harder (2)."""
    out = tmp_path / 'study_unpaired.jsonl'
    for seed, real, still, oracle in ((0, 10, 12, 16), (1, 30, 32, 40), (2, 4, 2, 22)):
        keep_run(out, Run('tsm', 'real', '3:7', seed), real)
        keep_run(out, Run('tsm', 'still_mix', '3:7', seed, 1.), still)
        keep_run(out, Run('tsm', 'oracle', '3:7', seed, 1.), oracle)
    keep_run(out, Run('tsm', 'lddm_mix', '3:7', 0, 1.), 14)
    keep_run(out, Run('tsm', 'lddm_mix', '3:7', 1, 1.), 34)
    keep_run(out, Run('tsm', 'cinn_mix', '3:7', 1, 1.), 33)
    return out


def test_what_was_not_run_with_all_seeds_is_compared_on_those_it_was_run_with(unpaired: Path):
    results = Results.read(unpaired, count=50)
    differences = cells(block(results, 'Accuracy: against'), 'TSM', '3:7', 'lddm_mix')
    assert [each.split()[0] for each in differences] == ['+10.0', '+5.0', '+2.5']
    recovered = cells(block(results, 'Accuracy: how much'), 'TSM', '3:7', 'lddm_mix')
    # seeds 0 and 1: of (6 + 10) and (4 + 8) videos that the oracle is ahead, (4 + 4) and (2 + 2)
    assert [each.split()[0] for each in recovered] == ['50.0', '33.3']


def test_seeds_can_be_told_apart(unpaired: Path):
    results = Results.read(unpaired, count=50, seeds=[2])
    table = block(results, 'Accuracy: against')
    assert cells(table, 'TSM', '3:7', 'oracle')[0].startswith('+45.0')
    assert all('mix' not in row[2] or row[2] == 'still_mix' for row in table.rows)
    with pytest.raises(ValueError, match='holds no training with seeds 7, 8 yet'):
        Results.read(unpaired, seeds=[7, 8])


def test_confusions_are_summed_over_seeds(results: Results):
    assert cells(block(results, 'Confusion'), 'TSM', '3:7', 'real') == ['20, 20', '20, 20']


def test_recognizers_count_together_only_where_all_were_run(out: Path, tmp_path: Path):
    lines = [line for line in out.read_text().splitlines()
             if not ('"tdn"' in line and '"oracle"' in line)]
    (tmp_path / 'part.jsonl').write_text('\n'.join(lines))
    (tmp_path / 'part_scores.jsonl').write_text(
        out.with_name('study_toy_scores.jsonl').read_text())
    part = Results.read(tmp_path / 'part.jsonl', count=50)
    assert part.figure('accuracy', 'tsm', 'oracle', '3:7') is not None
    assert part.figure('accuracy', ALL, 'oracle', '3:7') is None


def test_the_page_needs_nothing_beside_it_and_the_text_its_plots(out: Path, tmp_path: Path):
    page, text = tmp_path / 'study.html', tmp_path / 'study.md'
    write_report(out, page, text)
    html, markdown = page.read_text(), text.read_text()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert len(addresses) == 4 and all(each.startswith('data:image/svg') for each in addresses)
    plots = re.findall(r'!\[.*\]\((.*)\)', markdown)
    assert plots == [f'study_{number}.svg' for number in range(1, 5)]
    assert all((tmp_path / plot).read_bytes().startswith(b'<?xml') for plot in plots)
    for wanted in ('pigeonhole', '| TSM | lddm_mix |', 'tsm 160, tdn 160.'):
        assert wanted in markdown
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_report(out, page, text)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_in_a_browser_all_is_shown_and_the_page_is_no_wider_than_a_phone(
        tab, out: Path, results: Results, tmp_path: Path):
    write_report(out, tmp_path / 'study.html', tmp_path / 'study.md')
    address, page = (tmp_path / 'study.html').as_uri(), tab.page
    page.set_viewport_size(dict(width=400, height=800))
    page.goto(address)
    blocks = all_blocks(results)
    assert page.locator('h2').all_inner_texts() == [block.title for block in blocks]
    plots = [block.title for block in blocks if isinstance(block, Lines)]
    shown = page.eval_on_selector_all('img', """images => images.map(image =>
        [image.alt, image.complete && image.naturalWidth > 0 && image.width <= 400])""")
    assert shown == [[title, True] for title in plots]
    tables = [block for block in blocks if isinstance(block, Table)]
    for place, table in enumerate(tables):
        rows = page.locator('table').nth(place).locator('tr')
        assert rows.nth(0).locator('th').all_inner_texts() == table.header
        assert rows.count() == 1 + len(table.rows)
        assert rows.nth(1).locator('th').all_inner_texts() == table.rows[0][:table.lead]
    # a wide table is scrolled by itself
    wide = page.eval_on_selector_all('.wide', 'each => each.map(one => one.scrollWidth)')
    assert page.evaluate('document.documentElement.scrollWidth') <= 400 < max(wide)
    assert tab.stayed_at(address) and not tab.complaints


def test_a_missing_study_or_missing_scores_are_named(out: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r'none.jsonl: there is no such study'):
        Results.read(tmp_path / 'none.jsonl')
    (tmp_path / 'alone.jsonl').write_text(out.read_text())
    with pytest.raises(ValueError, match=r'alone_scores.jsonl lacks the scores of 44 trainings'):
        Results.read(tmp_path / 'alone.jsonl')
    (tmp_path / 'alone.jsonl').write_text('')
    with pytest.raises(ValueError, match=r'alone.jsonl holds no training yet; make some with'):
        Results.read(tmp_path / 'alone.jsonl')


@pytest.mark.parametrize('videos', [
    {}, {'v.npy': ['p', 'a']}, {'v.npy': ['p', 'c', [0.5, 0.5]]}, {'v.npy': ['p', 'a', [0.5]]}])
def test_damaged_scores_name_their_training(tmp_path: Path, videos: dict):
    run = Run('tsm', 'real', '3:7', 0)
    keep_run(tmp_path / 'toy.jsonl', run, 20)
    scores_file(tmp_path / 'toy.jsonl').write_text(
        json.dumps({**run.key, 'classes': ['a', 'b'], 'videos': videos}))
    with pytest.raises(ValueError, match='the scores of tsm real 3:7 seed 0 are damaged'):
        Results.read(tmp_path / 'toy.jsonl')


def test_markup_in_a_label_is_shown_and_not_obeyed(out: Path, tmp_path: Path):
    for file in (out, out.with_name('study_toy_scores.jsonl')):
        (tmp_path / file.name).write_text(file.read_text().replace('"a"', '"<script>|x</script>"'))
    write_report(tmp_path / out.name, tmp_path / 'study.html', tmp_path / 'study.md')
    for name in ('study.html', 'study.md'):
        text = (tmp_path / name).read_text()
        assert '<script>' not in text and '&lt;script' in text
