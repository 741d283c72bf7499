"""What must never be validated or tested on."""
from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmaction.datasets.transforms import DecordDecode
from mmaction.registry import HOOKS
from mmengine.logging import print_log
from mmengine.runner import Runner

from lddm_aug.data.audit_record import AuditRecord, refuse_audited_leaks
from lddm_aug.datasets.lddm_data_preprocessor import LDDMDataPreprocessor
from lddm_aug.datasets.leaves import groups_of, infos_of, leaves, transforms_of
from lddm_aug.datasets.shared_files import SourceFiles, shared_files
from lddm_aug.datasets.transforms.defer_synthesis import DeferSynthesis
from lddm_aug.engine.hooks.class_guard_hook import ClassGuardHook
from lddm_aug.engine.unwrapped import unwrapped
from lddm_aug.models.segment_recognizer import refuse_other_segments

SHOWN = 5
# in which frames have no times, or those of another order, so that seeking leads elsewhere
SOUGHT_IN_VAIN = {'.avi', '.mpg', '.mpeg', '.vob', '.wmv', '.asf', '.ts', '.mts', '.m2ts'}


@HOOKS.register_module()
class DataGuardHook(ClassGuardHook):
    """Refuse synthetic clips in validation and test, and what stands in training as well.

    Training is compared with validation and with test before it starts, not when it comes to
    validation (the two of them may be the same): their groups, their files, by path and content,
    and what the audits beside the tables found to show the same.  MMAction2's own data sets know no
    groups; their files are compared all the same, and have the group that a table of the training
    gives them.  Classes are compared as by the ClassGuardHook, which this one is too.

    A recognizer whose head and backbone disagree over the segments of a clip is refused before
    anything is read, also where it isn't a SegmentRecognizer: it would score frames of different
    clips as one.

    A training that leaves clips to be made on the device needs `LDDMDataPreprocessor`.

    It warns of files in which MMAction2's DecordDecode may show other frames than requested.

    Args:
        allow_leakage: warn of leakage and continue.  Synthetic clips are refused all the same.
        own_labels: the pipeline makes labels of its own, so that the classes aren't compared.
    """

    def __init__(self, allow_leakage: bool = False, own_labels: bool = False) -> None:
        super().__init__(own_labels)
        self.allow_leakage = allow_leakage

    def before_run(self, runner: Runner) -> None:
        refuse_other_segments('DataGuardHook', unwrapped(runner))

    def before_train(self, runner: Runner) -> None:
        super().before_train(runner)
        train = runner.train_dataloader.dataset
        refuse_unmade_clips(unwrapped(runner), train)
        warn_of_sought_frames('training', train)
        held_out = [(part, loop.dataloader.dataset)
                    for part, loop in (('validation', runner.val_loop), ('test', runner.test_loop))
                    if loop is not None]
        for part, dataset in held_out:
            refuse_synthetic(part, dataset)
            warn_of_sought_frames(part, dataset)
        try:
            groups, files = groups_of(train), SourceFiles.of(train)
            for part, dataset in held_out:
                shown = SourceFiles.of(dataset)
                refuse_shared_groups(part, groups, groups_of(dataset))
                refuse_shared_files(part, files, shown, audits_of(train, dataset))
                refuse_shared_groups(part, groups, groups_in_tables(shown, train))
            refuse_audited_leaks('DataGuardHook', leaves(train))
        except ValueError as error:
            if not self.allow_leakage:
                raise
            print_log(f'LEAKAGE, allowed by allow_leakage=True: {error}', logger='current',
                      level=logging.WARNING)

    def before_val(self, runner: Runner) -> None:
        super().before_val(runner)
        refuse_synthetic('validation', runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        super().before_test(runner)
        warn_of_sought_frames('test', runner.test_dataloader.dataset)
        refuse_synthetic('test', runner.test_dataloader.dataset)


def refuse_synthetic(part: str, dataset: Any) -> None:
    """Raise ValueError if a sample of the data set is a synthetic clip."""
    if any(info.get('origin') == 'synthetic' for info in infos_of(dataset)):
        raise ValueError(f'DataGuardHook: {part} must see real clips only, but its '
                         f'{type(dataset).__name__} holds synthetic ones; take the data set of '
                         'real clips in its dataloader')


def refuse_unmade_clips(model: Any, train: Any) -> None:
    """Raise ValueError if a model can't make the clips that the training leaves to its device."""
    deferred = any(isinstance(step, DeferSynthesis) for step in transforms_of(train))
    preprocessor = getattr(model, 'data_preprocessor', None)
    if deferred and not isinstance(preprocessor, LDDMDataPreprocessor):
        raise ValueError('DataGuardHook: the training has DeferSynthesis, which leaves clips to be '
                         f'made on the device, but the model has {type(preprocessor).__name__}; '
                         "set model.data_preprocessor.type='LDDMDataPreprocessor'")


def warn_of_sought_frames(part: str, dataset: Any) -> None:
    """Warn of files in which Decord may show other frames than requested."""
    for leaf in leaves(dataset):
        if not any(isinstance(step, DecordDecode) for step in transforms_of(leaf)):
            continue
        files = [str(info['filename']) for info in infos_of(leaf) if 'filename' in info
                 and Path(info['filename']).suffix.lower() in SOUGHT_IN_VAIN]
        if files:
            print_log(f'DataGuardHook: DecordDecode seeks, and in {len(files)} files of {part}, '
                      f'such as {files[0]}, may show other frames than requested; begin the '
                      'pipeline with ReadVideo, which decodes all, or convert them to MP4',
                      logger='current', level=logging.WARNING)


def refuse_shared_groups(part: str, train: frozenset[str], held_out: frozenset[str]) -> None:
    """Raise ValueError if a group stands in training and in what was held out."""
    shared = sorted(train & held_out)
    if shared:
        names = ', '.join(shared[:SHOWN]) + (', …' if len(shared) > SHOWN else '')
        raise ValueError(f'DataGuardHook: a group must not stand in training and in {part}, '
                         f'but {len(shared)} of them do: {names}; take each out of one of the two, '
                         'or continue all the same by allow_leakage=True')


def groups_in_tables(held_out: SourceFiles, train: Any) -> frozenset[str]:
    """The groups that the tables of the training give to held-out files."""
    of_files: dict[Path, str] = {}
    for leaf in leaves(train):
        of_files |= getattr(leaf, 'table_groups', {})
    return frozenset(of_files[path] for path in held_out.paths if path in of_files)


def audits_of(*datasets: Any) -> list[AuditRecord]:
    """Those beside the tables of these data sets, each once."""
    records = [AuditRecord.beside(leaf) for dataset in datasets for leaf in leaves(dataset)]
    return [*{record.file: record for record in records if record is not None}.values()]


def refuse_shared_files(part: str, train: SourceFiles, held_out: SourceFiles,
                        audits: Iterable[AuditRecord] = ()) -> None:
    """Raise ValueError if a file stands in training and in what was held out.

    Files are the same if they have one path or one content, or if an audit says that they show the
    same.
    """
    both = [str(here) if here == there else f'{here} and {there}'
            for here, there in shared_files(train, held_out)]
    for record in audits:
        both += [f'{here} and {there}' for (here, _), (there, _) in
                 record.on_both_sides(train.keys, held_out.keys)]
    if both:
        names = '; '.join(both[:SHOWN])
        raise ValueError(
            f'DataGuardHook: nothing in {part} may show what training shows, but '
            f'{len(both)} files do: {names}{"; …" if len(both) > SHOWN else ""}; draw the split '
            'with lddm-aug split --audit, or continue all the same by allow_leakage=True')
