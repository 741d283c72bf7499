"""What the folders above videos and stills mean: a wrapper, a part of a split, or a class.

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
    """Where in a path the class and the split stand, counted from 0.

    Attributes:
        skipped: how many folders of every path are wrappers.
        label: place of the class; None where everything has one class.
        split: place of the part of a split; None if there is none.
    """
    skipped: int = 0
    label: int | None = 0
    split: int | None = None

    def read(self, parts: Parts) -> tuple[str, str, int] | None:
        """Class, split, and how many folders lie below both; None above the class."""
        if len(parts) < self.skipped or self.label is not None and len(parts) <= self.label:
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
    """train, val or test for a folder or value that is called so; blank for any other."""
    plain = re.sub(r'[^a-z0-9]', '', name.casefold())
    if re.fullmatch(r'fold\d+', plain):
        return plain
    return SPLITS.get(plain) or SPLITS.get(re.sub(r'(set|data|split|\d)$', '', plain), '')


def find_levels(folders: Iterable[tuple[Parts, bool]], one_class: bool = False,
                notes: list[str] | None = None) -> Levels:
    """Tell what folders mean by where files lie in them and what they are called.

    Args:
        folders: path of each below the source, and whether videos or stills lie right in it.
        one_class: there is no level for the class.
        notes: takes what was noticed, in sentences.

    Raises:
        ValueError: if it could mean two things; the message says what to do.
    """
    notes = [] if notes is None else notes
    tree = _Tree(folders)
    top: Parts = ()
    while len(below := tree.below(top)) == 1 and not tree.has_files(top):
        if split_of(below[0]) or one_class and tree.has_files((*top, *below)):
            break
        top += tuple(below)
    if len(tree.below(top)) < 2 and not any(map(split_of, tree.below(top))) or (
            tree.has_files(top) and not one_class):
        top = ()                                     # one class, whatever lies below it
    elif top and not one_class and all(re.search(r'\d', name) and not split_of(name)
                                       for name in tree.below(top)):
        name = printable('/'.join(top))
        raise ValueError(
            f'the source holds one folder, {name}, in which folders are numbered: where these are '
            f'classes, name {name} as the source; where they are videos of one class, name it and '
            'give that class by --label')
    elif top:
        notes.append(f'the source holds nothing but {printable("/".join(top))}: its folders were '
                     "taken in place of the source's")
    return _with_split(tree, top, one_class, notes)


class _Tree:
    """Folders that hold videos or stills, right in them or further below."""

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
            f'the folders {_names(splits)} look like parts of a split, but lie beside '
            f'{_names(others)}; a source holds either parts of a split or classes: move one or the '
            'other away, or name them otherwise')
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
        notes.append(f'the classes {_names(here)} are called alike but for a number: are they '
                     'classes, and not patients or videos?')
    below = {name for label in here for name in tree.below((*top, label))}
    splits = [name for name in sorted(below) if split_of(name)]
    if splits and len(splits) == len(below) and not any(
            tree.has_files((*top, label)) for label in here):
        _note_split(splits, notes)
        return Levels(depth, depth, depth + 1)
    if splits:
        notes.append(f'the folders {_names(splits)} lie in classes beside others, and so were '
                     'taken for no parts of a split; name them otherwise, or sort all of a class '
                     'into parts')
    return Levels(depth, depth)


def _note_split(names: list[str], notes: list[str]) -> None:
    parts = sorted(set(map(split_of, names)))
    notes.append(f'the folders {_names(names)} are parts of a split, and became the column split '
                 f'({", ".join(parts)})')


def _refuse_kinds(names: Iterable[str]) -> None:
    kinds = [name for name in names if re.sub(r'[^a-z]', '', name.casefold()) in KINDS]
    if kinds:
        raise ValueError(f'folders such as {_names(kinds)} look like no classes; name a folder '
                         'as the source in which every folder is a class, or give one class by '
                         '--label')


def _names(names: Iterable[str]) -> str:
    return first_of(map(printable, names))
