"""Content of a folder of DICOM files."""
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from lddm_aug.data.annotations import spellings
from lddm_aug.data.frames import MIN_FRAMES, Pixels, UnreadableFileError
from lddm_aug.data.tables import read_table, restore_integer_names
from lddm_aug.preparation.dicom.facts import read_facts, read_pictures, read_span, words
from lddm_aug.preparation.dicom.header import looks_like_dicom
from lddm_aug.preparation.dicom.picture import Span
from lddm_aug.preparation.dicom.privacy import hashed_name, keyed_hash
from lddm_aug.preparation.dicom.series import Found, find_series, series_notes
from lddm_aug.preparation.endings import DICOM
from lddm_aug.preparation.levels import find_levels
from lddm_aug.preparation.listing import (
    BAD,
    EXCLUDED,
    STILL,
    VIDEO,
    Item,
    LeftOut,
    Listing,
    Recording,
)
from lddm_aug.preparation.source_folder import HIDDEN, SourceFolder, stamp

GROUP_TAGS = ('PatientID', 'PatientName', 'StudyInstanceUID', 'AccessionNumber',
              'SeriesInstanceUID')
READER_VERSION = 2                                   # changes with the pixels that it reads

Place = tuple[str, str]                              # class, split


def list_dicom(root: str | Path, key: bytes, label: str | None = None,
               label_table: str | Path | None = None, group_tag: str = 'PatientID',
               series: bool = False, min_frames: int = MIN_FRAMES) -> Listing:
    """Single frames as stills and multi-frame files as videos.

    Args:
        root: contains a folder for each class, unless label or label_table is given.
        key: of the hashes; names and groups depend on it.
        label: class of all files.
        label_table: CSV with the columns path and label; other files are left out.
        group_tag: one of GROUP_TAGS, whose value determines the group; StudyInstanceUID replaces a
            blank one.
        series: make one video of the single frames of a series.
        min_frames: shorter series become stills.

    Raises:
        ValueError: if all class folders are named after patients, or the table is invalid.
    """
    source = SourceFolder(root)
    listing = Listing(settings={'source': 'dicom', 'key': keyed_hash(key, 'key'),
                                'reader': READER_VERSION})
    walked: list[LeftOut] = []
    folders = [(here, [path for path in paths if _is_dicom(path)])
               for here, paths in source.walk(walked)]
    place_of: Callable[[Path], Place] = _by_folders(folders, source.root, label, listing.notes)
    if label_table is not None:
        place_of = _by_table(label_table, folders, source, listing.notes)
    files: list[Found] = []
    real: set[Path] = set()
    for path in (path for _, paths in folders for path in paths):
        name = hashed_name(key, source.name(path))
        try:
            its_label, split = place_of(path)
            if path.resolve() in real:
                raise _ExcludedError('is a link to another file of the source')
            real.add(path.resolve())
            facts = read_facts(path, name, group_tag)
            if isinstance(facts, str):
                raise _ExcludedError(facts)
            files.append(Found(path, name, its_label, split, facts))
        except UnreadableFileError as error:
            listing.left_out.append(LeftOut(name, BAD, str(error)))
        except _ExcludedError as error:
            listing.left_out.append(LeftOut(name, EXCLUDED, str(error)))
    if label is None and label_table is None:
        files, named = _part_named_after_patients(files)
        listing.left_out += named
    listing.left_out += [each._replace(source=hashed_name(key, each.source)) for each in walked]
    listing.found = {hashed_name(key, name): HIDDEN if reason == HIDDEN else 'is no DICOM file'
                     for name, reason in source.found.items()}
    found = find_series(files)
    sweeps = [members for members in found if len(members) >= min_frames] if series else []
    listing.items = _items(files, sweeps, key)
    listing.notes = [*_group_notes(files, group_tag), *listing.notes, *_file_notes(files),
                     *_series_notes(found, sweeps, series, min_frames)]
    return listing


def find_file(root: str | Path, key: bytes, name: str) -> Path | None:
    """The file of a name in the tables, the first of a series; None if there is none."""
    source = SourceFolder(root)
    return next((path for _, files in source.walk([]) for path in files
                 if hashed_name(key, source.name(path)) == name), None)


class _ExcludedError(Exception):
    """A file that is left out on purpose."""


def _is_dicom(path: Path) -> bool:
    """Whether a file is DICOM by its name or first bytes, or can't be opened."""
    if not path.is_file():
        return False
    if path.suffix.lower() in DICOM:
        return True
    try:
        with path.open('rb') as file:
            return looks_like_dicom(file.read(132))
    except OSError:
        return True                                  # reading it reports the error


# ── classes ──

def _by_folders(folders: Sequence[tuple[Path, Sequence[Path]]], root: Path, label: str | None,
                notes: list[str]) -> Callable[[Path], Place]:
    """A function of a file → class and split by its folders, whose names are in no message.

    Raises:
        ValueError: if their meaning is ambiguous.
    """
    levels = None
    with suppress(ValueError):                       # whose message may have names of patients
        levels = find_levels(((here.relative_to(root).parts, bool(files))
                              for here, files in folders), label is not None)
    if levels is None:
        raise ValueError('the folders below SOURCE can be no classes, by their names or positions; '
                         'sort the files into a folder for each class, or use --label-table or '
                         '--label')
    if levels.skipped:
        notes.append('the source has one folder only, whose folders are the classes')
    if levels.split is not None:
        notes.append('folders called like parts of a split are the column split')

    def place_of(path: Path) -> Place:
        place = levels.read(path.parent.relative_to(root).parts)
        if place is None:
            raise _ExcludedError('is in no class folder')
        return label or place[0], place[1]

    return place_of


def _by_table(table: str | Path, folders: Sequence[tuple[Path, Sequence[Path]]],
              source: SourceFolder, notes: list[str]) -> Callable[[Path], Place]:
    """A function of a file → class by a table, whose paths are in no message.

    Raises:
        FileNotFoundError: if the table doesn't exist.
        ValueError: if the table is invalid.
    """
    read = read_table(table, ())
    path_column, label_column = (read.column(name) for name in ('path', 'label'))
    if path_column is None or label_column is None:
        raise ValueError(f'{table}: the table of labels needs the columns path and label')
    notes += [*read.notes,
              *restore_integer_names([row for _, row in read.rows], label_column, 'label')]
    found = {_inside(source, path) for _, files in folders for path in files}
    labels: dict[str, str] = {}
    faults: dict[str, str] = {}
    lost = 0
    for line, row in read.rows:
        name = next((spelling for value in spellings(row[path_column])
                     if (spelling := _inside(source, source.root / value)) in found), None)
        label = row[label_column]
        if name is None:
            lost += 1
        elif not label:
            faults[name] = f'line {line} of the table of labels lacks its label'
        elif labels.setdefault(name, label) != label:
            faults[name] = f'line {line} of the table of labels gives it another label than before'
    if lost:
        notes.append(f'{lost} rows of the table of labels have no DICOM file')

    def place_of(path: Path) -> Place:
        name = _inside(source, path)
        if name in faults:
            raise UnreadableFileError(faults[name])
        if name not in labels:
            raise _ExcludedError('the table of labels lacks it')
        return labels[name], ''

    return place_of


def _inside(source: SourceFolder, path: Path) -> str:
    """Path relative to the source, with slashes."""
    return Path(os.path.relpath(path, source.root)).as_posix()


def _part_named_after_patients(files: Sequence[Found]) -> tuple[list[Found], list[LeftOut]]:
    """Files in valid class folders, and those in folders named after patients.

    A folder of one patient only is no class if it shares a word with the tags of this patient.

    Raises:
        ValueError: if all folders are named after patients.
    """
    folders: dict[str, list[Found]] = {}
    for file in files:
        folders.setdefault(file.label, []).append(file)
    suspects = {label for label, members in folders.items()
                if len({file.facts.identity for file in members}) == 1
                and any(words(label) & file.facts.patient_words for file in members)}
    advice = 'sort the files into a folder for each class, or use --label-table or --label'
    if suspects and len(suspects) == len(folders):
        raise ValueError('the folders below SOURCE are named after patients, so they can be no '
                         f'classes; {advice}')
    return ([file for file in files if file.label not in suspects],
            [LeftOut(file.name, BAD, 'is in a folder named after its patient, which can be no '
                     f'class; {advice}') for file in files if file.label in suspects])


# ── items ──

def _items(files: Sequence[Found], sweeps: Sequence[Sequence[Found]], key: bytes) -> list[Item]:
    sweep_of = {file.name: sweep for sweep in sweeps for file in sweep}
    # a series has the name of its first frame, and the position of its first file
    items = {members[0].name: members for members in (
        sweep_of.get(file.name, [file]) for file in files)}
    return [_item(members, key) for members in items.values()]


def _item(files: Sequence[Found], key: bytes) -> Item:
    """The item of one file, or of a series."""
    first = files[0]
    fps = next((file.facts.fps for file in files if file.facts.fps), None)

    def frames() -> Iterator[Pixels]:
        span = _span(files)
        for file in files:
            yield from read_pictures(file.path, file.name, file.facts.frames, span)

    return Item(source=first.name, label=first.label,
                group='patient-' + keyed_hash(key, 'group', first.facts.identity),
                role=VIDEO if first.facts.is_video or len(files) > 1 else STILL,
                split=first.split, files=tuple(file.name for file in files),
                stamp=keyed_hash(key, 'stamp', ' '.join(stamp(file.path) for file in files)),
                open=lambda: Recording(frames(), fps))


def _span(files: Sequence[Found]) -> Span | None:
    """The lowest and the highest value of all unscaled files; None if there are none."""
    spans = [span for file in files if file.facts.is_unscaled
             if (span := read_span(file.path, file.name, file.facts.frames))]
    return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None


# ── notes for the user ──

def _group_notes(files: Sequence[Found], tag: str) -> list[str]:
    note = f'groups: a keyed hash of {tag}'
    if blank := sum(file.facts.is_blank for file in files):
        note += (f', in {blank} files, where it is blank, of ' +
                 ('StudyInstanceUID' if tag != 'StudyInstanceUID' else 'the name'))
    shared = [file for file in files if file.facts.is_nobody and not file.facts.is_blank]
    if len({file.facts.identity for file in files}) == 1:
        shared = list(files)
    classes = {file.label for file in shared}
    if len(classes) > 1 or len({file.facts.study for file in shared}) > 1:
        others = ', '.join(each for each in GROUP_TAGS if each != tag)
        note += (f'; {len(shared)} of {len(files)} files share one {tag}, over {len(classes)} '
                 'classes: if it is no patient, or many, choose another tag by --group-tag '
                 f'({others})')
    return [note]


def _file_notes(files: Sequence[Found]) -> list[str]:
    ignored: Counter[str] = Counter(tag for file in files for tag in file.facts.ignored)
    notes = [f'{tag} is invalid in {count} files and was ignored there; one is '
             f'{next(file.name for file in files if tag in file.facts.ignored)}'
             for tag, count in sorted(ignored.items())]
    for count, what in (
            (sum(file.facts.more_than_announced for file in files),
             'files have more frames than NumberOfFrames; all of them are read'),
            (sum(file.facts.is_unscaled for file in files),
             'files have more than 8 bits and no window: the lowest and the highest value of each '
             'become black and white'),
            (sum(not file.facts.names_region for file in files),
             'files have no ultrasound region and are not cropped: look for names burnt into them '
             'before you pass them on'),
            (sum(file.facts.is_burnt_in for file in files),
             'files have text burnt into them, by BurnedInAnnotation')):
        if count:
            notes.append(f'{count} {what}')
    return notes


def _series_notes(found: Sequence[Sequence[Found]], sweeps: Sequence[Sequence[Found]],
                  series: bool, min_frames: int) -> list[str]:
    short = [members for members in found if not series or len(members) < min_frames]
    notes = []
    if sweeps:
        notes.append(f'{sum(map(len, sweeps))} single frames became {len(sweeps)} videos, one per '
                     'series')
    if short and series:
        notes.append(f'{sum(map(len, short))} single frames are stills: their {len(short)} series '
                     f'have fewer than {min_frames} frames')
    if short and not series:
        notes.append(f'{sum(map(len, short))} single frames belong to {len(short)} series and '
                     'become stills; if they are sweeps, --series makes one video of each')
    return notes + series_notes(sweeps if series else found)
