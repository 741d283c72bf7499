"""From two folders as downloaded to both tables, with hardly any training."""
from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lddm_aug.experiments.paper import flow
from lddm_aug.experiments.paper.flow import QUICK, Paper, make_paper
from lddm_aug.generators.package import load_package
from lddm_aug.store.manifest import read_manifest

TRAINING_SETS = ('real', 'still_mix', 'cinn_mix', 'lddm_blind_mix')


@pytest.fixture(scope='module')
def paper(busv: Path, busi: Path, tmp_path_factory) -> Paper:
    """Cut as --quick cuts it, and to two recognizers."""
    return Paper(busv=busv, busi=busi, out=tmp_path_factory.mktemp('paper'), jobs=2,
                 **{**QUICK, 'recognizers': ('c3d', 'tsm')})


@pytest.fixture(scope='module')
def page(paper: Paper) -> Path:
    return make_paper(paper)


def read_rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline='') as opened:
        return list(csv.DictReader(opened))


def test_both_tables_are_complete(paper, page):
    rows = json.loads((paper.results / 'table1.json').read_bytes())['rows']
    assert [row['generator'] for row in rows] == ['lddm', 'cinn', 'repeat_still']
    for row in rows:
        assert row['seed'] == 0 and row['size'] == 64
        assert None not in (row['fd'], row['fd_tempo'], row['div'], row['psnr_db'])
    lines = [json.loads(line) for line in paper.study.out.read_bytes().splitlines()]
    assert {(line['recognizer'], line['training_set'], line['ratio']) for line in lines} == {
        (recognizer, name, '7:3') for recognizer in ('c3d', 'tsm') for name in TRAINING_SETS}
    assert all(line['iterations'] == 2 for line in lines)


def test_the_page_holds_them_beside_the_papers_and_warns(page):
    text = page.with_suffix('.md').read_text()
    assert text.splitlines()[0].endswith(flow.SHORTENED)
    table_1, table_2 = (text.split(f'## Table {number}')[1] for number in (1, 2))
    assert re.search(r'\| lddm \(paper\) \|.* 53\.82 \|', table_1)
    assert re.search(r'\| TSM \| lddm_blind_mix \|.* 80\.96 / 80\.36 \|', table_2)
    assert 'BUSV: 10 items (5 benign, 5 malignant)' in text
    assert page.read_text().count('<table>') == sum(
        line.startswith('|---') for line in text.splitlines())


def test_stills_without_a_lesion_are_left_out_and_the_others_become_clips(paper, page):
    stills = read_rows(paper.stills)
    assert Counter(row['label'] for row in stills) == dict(benign=4, malignant=4)
    stores = paper.study.split_folder('7:3', 0) / 'stores'
    for name in ('lddm_blind', 'cinn', 'still'):
        assert {row['group'] for row in read_manifest(stores / name).rows} == {
            row['group'] for row in stills}


def test_table_1_measures_the_generators_of_table_2(paper, page):
    rows = json.loads((paper.results / 'table1.json').read_bytes())['rows']
    folder = paper.study.split_folder('7:3', 0) / 'generators'
    packages = {name: load_package(folder / flow.SHARED[name] / 'package')
                for name in ('lddm', 'cinn', 'repeat_still')}
    assert {row['generator']: row['package_sha256'] for row in rows} == {
        name: package.package_sha256 for name, package in packages.items()}
    assert not packages['lddm'].classes              # the still alone, as in the paper
    assert len(list(folder.glob('autoencoder_*'))) == 1


def test_no_generator_has_seen_a_test_video(paper, page):
    split = {row['path']: row['split']
             for row in read_rows(paper.videos.parent / 'splits' / '7_3_seed0.csv')}
    groups = {row['group']: split[row['path']] for row in read_rows(paper.videos)}
    assert Counter(groups.values()) == dict(train=7, test=3)
    trained_on = load_package(
        paper.study.split_folder('7:3', 0) / 'generators' / 'cinn' / 'package').groups
    assert {groups[group] for group in trained_on} == {'train'}


def test_a_second_call_trains_nothing(paper, page, monkeypatch, capsys):
    def never(*args, **kwargs):
        raise AssertionError('it was done before')

    before = [(paper.results / name).read_bytes()
              for name in ('table2.jsonl', 'table2_scores.jsonl', 'paper.md')]
    monkeypatch.setattr('lddm_aug.experiments.study.stores.train_generator', never)
    monkeypatch.setattr('lddm_aug.experiments.table1.table1.evaluate_synthesis', never)
    monkeypatch.setattr(flow, 'audit', never)
    assert make_paper(paper) == page
    assert '8 trainings: 8 done, 0 to do' in capsys.readouterr().out
    assert before == [(paper.results / name).read_bytes()
                      for name in ('table2.jsonl', 'table2_scores.jsonl', 'paper.md')]


def test_a_video_that_shows_what_a_still_shows_is_never_tested_on(paper, page, tmp_path):
    """BUSI's still is a frame of a sweep: the audit finds it, and the splits heed it."""
    from PIL import Image

    copy = replace(paper, out=tmp_path / 'out', busi=tmp_path / 'BUSI', seeds=(0, 1, 2, 3))
    for label in ('benign', 'malignant'):
        for file in (paper.busi / label).iterdir():
            target = copy.busi / label / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    frame = paper.busv / 'rawframes/benign/b000000000000003/000010.png'
    Image.open(frame).save(copy.busi / 'benign' / 'benign (9).png')
    flow.prepare_data(copy)
    assert any(re.search(r'\b2 of \d+ items have the picture of another one', finding)
               for finding in flow.audit_data(copy))
    flow.divide(copy)
    for seed in copy.seeds:
        split = {Path(row['path']).stem: row['split'] for row in read_rows(
            copy.videos.parent / 'splits' / f'7_3_seed{seed}.csv')}
        assert split['benign_b000000000000003'] == 'train'
        assert 'test' in split.values()
