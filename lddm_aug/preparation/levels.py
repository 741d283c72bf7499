"""Meaning of the folders above videos and stills: a wrapper, a part of a split, or a class.

    archive/train/benign/patient 7/a.mp4
    wrapper split class  below
"""
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lddm_aug.preparation.names import as_value, first_of, printable

SPLITS = {'train': 'train', 'training': 'train', 'trn': 'train',
          'val': 'val', 'valid': 'val', 'validation': 'val', 'validate': 'val', 'dev': 'val',
          'test': 'test', 'testing': 'test', 'tst': 'test', 'eval': 'test',
          'evaluation': 'test', 'holdout': 'test'}
KINDS = {'images', 'image', 'imgs', 'img', 'jpegimages', 'pictures', 'stills', 'videos', 'video',
         'clips', 'movies', 'frames', 'rawframes', 'masks', 'mask', 'labels', 'annotations',
         'annotation', 'segmentations', 'segmentation', 'groundtruth', 'gt', 'rgb',
         'patient', 'patients', 'pat', 'pt', 'subject', 'subjects', 'sub', 'case', 'cases', 'study',
         'exam', 'scan', 'sweep', 'clip', 'series', 'seq', 'sequence'}

Parts = tuple[str, ...]                              # a folder's path below the source


@dataclass(frozen=True)
class Levels:
    """Positions of class and split in a path, from 0.

    Attributes:
        skipped: number of wrapper folders of every path.
        label: position of the class; None if all items have one class.
        split: position of the part of a split; None if there is none.
    """
    skipped: int = 0
    label: int | None = 0
    split: int | None = None

    def read(self, parts: Parts) -> tuple[str, str, int] | None:
        """Class, split, and number of folders below both; None above the class."""
        if len(parts) < self.skipped or (self.label is not None and len(parts) <= self.label):
            return None
        known = set(range(self.skipped))
        label = split = ''
        if self.label is not None:
            label = as_value(parts[self.label])
            known.add(self.label)
        if self.split is not None and len(parts) > self.split:
            split = split_of(parts[self.split])
            known |= {self.split} if split else set()
        return label, split, len(parts) - len(known)


def split_of(name: str) -> str:
    """train, val, test or a fold for the name of a folder or value; blank for other names."""
    plain = re.sub(r'[^a-z0-9]', '', name.casefold())
    if re.fullmatch(r'fold\d+', plain):
        return plain
    return SPLITS.get(plain) or SPLITS.get(re.sub(r'(set|data|split|\d)$', '', plain), '')


def find_levels(folders: Iterable[tuple[Parts, bool]], one_class: bool = False,
                notes: list[str] | None = None) -> Levels:
    """Derive the meaning of folders from their names and the positions of files.

    Args:
        folders: path of each below the source, and whether videos or stills are directly in it.
        one_class: there is no level for the class.
        notes: notes for the user are appended.

    Raises:
        ValueError: if the meaning is ambiguous; the message has a remedy.
    """
    notes = [] if notes is None else notes
    tree = _Tree(folders)
    top: Parts = ()
    while len(below := tree.below(top)) == 1 and not tree.has_files(top):
        if split_of(below[0]) or (one_class and tree.has_files((*top, *below))):
            break
        top += tuple(below)
    if (len(tree.below(top)) < 2 and not any(map(split_of, tree.below(top)))) or (
            tree.has_files(top) and not one_class):
        top = ()                                     # one class, with any folders below it
    elif top and not one_class and all(re.search(r'\d', name) and not split_of(name)
                                       for name in tree.below(top)):
        name = printable('/'.join(top))
        raise ValueError(
            f'the source has one folder, {name}, with numbered folders: if these are classes, give '
            f'{name} as the source; if they are videos of one class, give it and the class by '
            '--label')
    elif top:
        notes.append(f'the source has nothing but {printable("/".join(top))}, whose folders are '
                     'used')
    return _with_split(tree, top, one_class, notes)


class _Tree:
    """Folders that contain videos or stills, directly or further below."""

    def __init__(self, folders: Iterable[tuple[Parts, bool]]) -> None:
        self._files = {parts for parts, has_files in folders if has_files}
        self._below: dict[Parts, dict[str, None]] = {}
        for parts in self._files:
            for depth in range(len(parts)):
                self._below.setdefault(parts[:depth], {})[parts[depth]] = None

    def has_files(self, parts: Parts) -> bool:
        return parts in self._files

    def below(self, parts: Parts) -> list[str]:
        return sorted(self._below.get(parts, ()))


def _with_split(tree: _Tree, top: Parts, one_class: bool, notes: list[str]) -> Levels:
    here, depth = tree.below(top), len(top)
    splits = [name for name in here if split_of(name)]
    if splits and len(splits) < len(here):
        others = [name for name in here if name not in splits]
        raise ValueError(
            f'the folders {_names(splits)} look like parts of a split, but are beside '
            f'{_names(others)}; a source has either parts of a split or classes: move one of them, '
            'or rename them')
    if splits:
        _note_split(splits, notes)
        classes = {name for split in splits for name in tree.below((*top, split))}
        if not one_class and classes:
            _refuse_kinds(classes)
        return Levels(depth, None if one_class else depth + 1, depth)
    if one_class:
        return Levels(depth, None)
    _refuse_kinds(here)
    if len(here) > 1 and len({re.sub(r'\d+', '', name) for name in here}) == 1:
        notes.append(f'the names of the classes {_names(here)} differ only in a number: are they '
                     'classes, and not patients or videos?')
    below = {name for label in here for name in tree.below((*top, label))}
    splits = [name for name in sorted(below) if split_of(name)]
    if splits and len(splits) == len(below) and not any(
            tree.has_files((*top, label)) for label in here):
        _note_split(splits, notes)
        return Levels(depth, depth, depth + 1)
    if splits:
        notes.append(f'the folders {_names(splits)} are in classes beside other folders, and '
                     'therefore not used as parts of a split; rename them, or sort all of a class '
                     'into parts')
    return Levels(depth, depth)


def _note_split(names: list[str], notes: list[str]) -> None:
    parts = sorted(set(map(split_of, names)))
    notes.append(f'the folders {_names(names)} are parts of a split, and are the column split '
                 f'({", ".join(parts)})')


def _refuse_kinds(names: Iterable[str]) -> None:
    kinds = [name for name in names if re.sub(r'[^a-z]', '', name.casefold()) in KINDS]
    if kinds:
        raise ValueError(f'folders such as {_names(kinds)} do not look like classes; give a source '
                         'in which every folder is a class, or one class by --label')


def _names(names: Iterable[str]) -> str:
    return first_of(map(printable, names))
