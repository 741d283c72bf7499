"""BUSV and BUSI as downloaded → prepared, audited, divided → Tables 1 and 2 on one page."""
from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from lddm_aug.audit.audit import audit, list_items, write_audit
from lddm_aug.audit.report import summarize
from lddm_aug.audit.report import write_report as write_audit_page
from lddm_aug.configs import environment, find_config
from lddm_aug.data.audit_record import PLACE
from lddm_aug.data.splits import UnsplitTable, ratio_name, write_split
from lddm_aug.engine.config_stages import stage_names
from lddm_aug.evaluation.synthesis_metrics import SynthesisOptions
from lddm_aug.experiments.paper.page import write_page
from lddm_aug.experiments.study.plan import RECOGNIZERS, Study
from lddm_aug.experiments.study.stores import fit_generator
from lddm_aug.experiments.study.study import run_study
from lddm_aug.experiments.table1.results import GENERATORS, PAPER
from lddm_aug.experiments.table1.table1 import Table1, make_table1
from lddm_aug.files import atomic_write, sha256_of
from lddm_aug.preparation.busi import list_busi
from lddm_aug.preparation.busv import ERRATA, list_busv
from lddm_aug.preparation.errata import read_errata
from lddm_aug.preparation.listing import Listing
from lddm_aug.preparation.prepare import Options, prepare
from lddm_aug.preparation.prepared_folder import refuse_nesting
from lddm_aug.resumable_steps import ResumableSteps
from lddm_aug.version import __version__
from lddm_aug.versions import run_versions

# generator in Table 1 → what Table 2 calls it; the paper's LDDM has the still alone
SHARED = {'lddm': 'lddm_blind', 'cinn': 'cinn', 'repeat_still': 'still', 'random_warp': 'warp',
          'motion_transfer': 'transfer'}


@dataclass(frozen=True)
class Paper:
    """What to run.

    Attributes:
        busv, busi: the folders as downloaded.
        out: where everything goes.
        generators: rows of Table 1, on the first of the ratios.
        recognizers, training_sets, ratios: rows and columns of Table 2.
        seeds: of split, generators, clips and recognizers, in both tables.
        synthetic_per_real: synthetic clips per real one in the mixes.
        size: height and width of the clips, in pixels.
        form: of the recognizers, `full` or `small`.
        iterations: of every recognizer, in place of the configs'.
        generator_options: values for the generators' configs, by dotted key with the stage first.
        networks: what looks at Table 1's clips beside the recognizers trained here.
        options: how much of each clip set is measured.
        feature_networks: over how many of each kind Fréchet distances are averaged.
        feature_options: values for their configs, by dotted key.
        segments: clips of each held-out video in Table 1.
        train_segments: of each training video, for the memorisation audit.
        device: that Table 1 is measured on.
        jobs: trainings of Table 2 at a time.
        threads: of each.
        shortened: whether the figures mean nothing, which the page says.
        command: what was typed, for the record.
    """
    busv: Path
    busi: Path
    out: Path
    generators: Sequence[str] = GENERATORS
    recognizers: Sequence[str] = RECOGNIZERS
    training_sets: Sequence[str] = (
        'real', 'real_twice', 'still_mix', 'warp_mix', 'transfer_mix', 'cinn_mix',
        'lddm_blind_mix', 'lddm_mix')
    ratios: Sequence[str] = ('7:3', '5:5', '3:7')
    seeds: Sequence[int] = (0, 1, 2)
    synthetic_per_real: float = 1.
    size: int = 128
    form: str = 'full'
    iterations: int | None = None
    generator_options: Mapping[str, Any] = field(default_factory=dict)
    networks: Mapping[str, Any] = field(default_factory=dict)
    options: SynthesisOptions = field(default_factory=SynthesisOptions)
    feature_networks: int = 5
    feature_options: Mapping[str, Any] = field(default_factory=dict)
    segments: int = 2
    train_segments: int = 3
    device: str = 'cpu'
    jobs: int = 1
    threads: int = 1
    shortened: bool = False
    command: str = ''

    @property
    def videos(self) -> Path:
        return self.out / 'data' / 'busv' / 'videos.csv'

    @property
    def stills(self) -> Path:
        return self.out / 'data' / 'busi' / 'stills.csv'

    @property
    def results(self) -> Path:
        """A shortened run neither replaces nor finds what a full one made; the data they share."""
        return self.out / 'quick' if self.shortened else self.out

    @property
    def study(self) -> Study:
        """Table 2's trainings."""
        work_dir = self.results / 'work' / 'table2'
        return Study(
            data=self.videos.parent, stills=self.stills, work_dir=work_dir,
            out=self.results / 'table2.jsonl', recognizers=tuple(self.recognizers),
            training_sets=tuple(self.training_sets), ratios=tuple(self.ratios),
            seeds=tuple(self.seeds), synthetic_per_real=(self.synthetic_per_real,),
            form=self.form, generators=f'busv_{self.size}', iterations=self.iterations,
            generator_options=tuple(self.generator_options.items()), jobs=self.jobs,
            threads=self.threads)

    @property
    def _options_of_table_1(self) -> dict[str, Any]:
        """Those of stages that its generators have."""
        stages = {stage for generator in self.generators
                  for stage in stage_names(find_config(f'lddm/{generator}'))}
        return {key: value for key, value in self.generator_options.items()
                if key.partition('.')[0] in stages}

    def table_1(self, seed: int) -> Table1:
        """Table 1's rows of a seed, which also draws the split; generators are those of Table 2."""
        study, ratio = self.study, self.ratios[0]
        work_dir = self.results / 'work' / f'table1_seed{seed}'

        def trained(generator: str, seed: int) -> Path | None:
            return (fit_generator(study, SHARED[generator], ratio, seed) if generator in SHARED
                    else None)

        return Table1(
            data='busv', size=self.size, work_dir=work_dir, out=work_dir / 'rows.json',
            generators=self.generators, seeds=(seed,), networks=self.networks,
            options=self.options, recognizers=self.feature_networks, segments=self.segments,
            train_segments=self.train_segments, cfg_options=self._options_of_table_1,
            split=ratio_name(ratio, seed), feature_options=self.feature_options,
            trained=trained, device=self.device, command=self.command)


SHORTENED = (', shortened: next to nothing was trained, and no figure means anything but that '
             'everything runs')
# of `Paper`: minutes on two cores, whatever the size of the data
QUICK: dict[str, Any] = dict(
    generators=('lddm', 'cinn', 'repeat_still'),
    training_sets=('real', 'still_mix', 'cinn_mix', 'lddm_blind_mix'), ratios=('7:3',), seeds=(0,),
    size=64, form='small', iterations=2,
    generator_options={
        'autoencoder.train_cfg.max_iters': 2, 'autoencoder.train_cfg.val_interval': 2,
        'autoencoder.train_dataloader.batch_size': 2,
        'diffusion.train_cfg.max_iters': 2, 'diffusion.train_dataloader.batch_size': 2,
        'diffusion.train_dataloader.dataset.draws': 1,
        'flow.train_cfg.max_iters': 2, 'flow.train_dataloader.batch_size': 2,
        'flow.train_dataloader.dataset.draws': 1},
    options=SynthesisOptions(resamples=20, diversity_stills=1, diversity_samples=2),
    feature_networks=1,
    feature_options={'train_cfg.max_iters': 2, 'train_cfg.val_interval': 2},
    segments=1, train_segments=1, shortened=True)


def make_paper(paper: Paper) -> Path:
    """Do what is left, and write both tables.

    Returns:
        The page; its text, table1.json and table2.jsonl lie beside it.
    """
    counts = prepare_data(paper)
    findings = audit_data(paper)
    parts = divide(paper)
    # where the configs find the data
    with environment({'BUSV': str(paper.videos.parent), 'BUSI': str(paper.stills.parent)}):
        rows = make_rows(paper)
        run_study(paper.study)
    page = paper.results / 'paper.html'
    title = 'The paper on BUSV and BUSI' + SHORTENED * paper.shortened
    write_page(page, page.with_suffix('.md'), title, rows, paper.study.out,
               [*counts, *findings, *parts, *differences_of(paper)])
    return page


def prepare_data(paper: Paper) -> list[str]:
    """Both data sets in the form that training reads, as they are but for BUSV's known faults."""
    said = []
    for name, source, table, list_source in (('BUSV', paper.busv, paper.videos, _busv),
                                             ('BUSI', paper.busi, paper.stills, _busi)):
        out = table.parent
        refuse_nesting(out, source)
        print(f'{name}: {source} → {out}', flush=True)
        report = prepare(list_source(source), out, Options())
        print(report, flush=True)
        of_class = Counter(item.label for item in report.items)
        said.append(f'{name}: {len(report.items)} items ('
                    + ', '.join(f'{count} {label}' for label, count in sorted(of_class.items()))
                    + f'); {sum(left.files for left in report.left_out)} files were left out, each '
                    f'named in {table.parent.name}/left_out.csv.')
    return said


def _busv(source: Path) -> Listing:
    return list_busv(source, read_errata(ERRATA))


def _busi(source: Path) -> Listing:
    return list_busi(source, normals=False)          # BUSV shows lesions alone


def audit_data(paper: Paper) -> list[str]:
    """What is wrong with both; training and splits read it beside the table of videos."""
    tables = [paper.videos, paper.stills]
    record = paper.videos.parent / PLACE

    def work() -> dict[str, Any]:
        found = audit(list_items(tables), jobs=os.cpu_count() or 1)
        write_audit(record, found, tables)
        write_audit_page(record.with_suffix('.html'), found)
        _, *others = summarize(found)                # the first is of the official split
        leaks = [f"BUSV's official split has {len(found['leaks'])} groups or pictures in training "
                 'and in test; it is not used here.'] if found['leaks'] else []
        return {'findings': leaks + others}

    inputs = {'tables': [sha256_of(table) for table in tables], 'version': __version__}
    findings = ResumableSteps(paper.out).run('audit', inputs, record.parent, work)['findings']
    print('\n'.join(findings), f'See {record.with_suffix(".html")}', sep='\n', flush=True)
    return [f'Audit: {finding}' for finding in findings]


def divide(paper: Paper) -> list[str]:
    """Draw a split for every ratio and seed; what shows the same by the audit isn't divided."""
    videos = UnsplitTable.read(paper.videos, paper.stills, paper.videos.parent / PLACE)
    tested: dict[str, list[int]] = {}
    for ratio, seed in product(paper.ratios, paper.seeds):
        split = videos.in_ratio(ratio, seed)
        write_split(paper.videos.parent / 'splits' / f'{ratio_name(ratio, seed)}.csv',
                    videos.paths, split)
        tested.setdefault(ratio, []).append(split.count('test'))
    said = ', '.join(f'{ratio} tests {"/".join(map(str, sorted({*counts})))}'
                     for ratio, counts in tested.items())
    return [f'Splits of {len(videos.rows)} videos in {len({*videos.groups})} groups, which are '
            f'never divided: {said} videos; every seed draws anew.']


def make_rows(paper: Paper) -> list[dict[str, Any]]:
    """Table 1's rows of all seeds; table1.json holds those that there are, beside the paper's."""
    rows: list[dict[str, Any]] = []
    for seed in paper.seeds:
        rows += make_table1(paper.table_1(seed))['rows']
        with atomic_write(paper.results / 'table1.json') as file:
            file.write(json.dumps(dict(rows=rows, paper=PAPER, command=paper.command,
                                       versions=run_versions()), indent=1).encode() + b'\n')
    return rows


def differences_of(paper: Paper) -> list[str]:
    """In what this differs from the paper."""
    return [
        f'In both tables a seed draws the split, the generator and its clips; Table 1 is of '
        f'{paper.ratios[0]}, and its generators are those of Table 2 but for cinn_paper.',
        f'Table 2 trains every training set for the same number of iterations, with '
        f'{paper.synthetic_per_real:g} synthetic clips per real one and the same share of them in '
        'each class; the paper adds all of BUSI and counts epochs, so its mixes train 6 to 12 '
        'times as long as its real videos alone, and "synthetic" goes with "benign".',
        "LDDM and cINN are trained by this project's recipes; the settings that the paper prints "
        'are in lddm/lddm_paper.']
