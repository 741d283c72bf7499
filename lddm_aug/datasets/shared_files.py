"""Files that two datasets of any type have in common, also inside wrappers."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch.utils.data import Subset

from lddm_aug.datasets.leaves import infos_of, parts_of
from lddm_aug.files import sha256_of

PATHS = ('filename', 'frame_dir', 'audio_path')      # keys of files in MMAction2's datasets
MAX_FILES = 20_000                                   # whose sizes are compared
HEAD_BYTES = 1 << 16

Key = tuple[Path, int | None]                        # a file, or one frame of a video
Pair = tuple[Path, Path]


@dataclass
class SourceFiles:
    """Files of a dataset's samples.

    Attributes:
        keys: files and folders of frames, with the frame for one frame of a video.
        sha256s: file → sha256, where tables and manifests have it.
    """
    keys: set[Key] = field(default_factory=set)
    sha256s: dict[Path, str] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: Any) -> SourceFiles:
        """Files of a dataset, also of MMAction2's and inside wrappers."""
        found = cls()
        parts = () if isinstance(dataset, Subset) else parts_of(dataset)
        for part in parts:
            found.add(cls.of(part))
        if not parts:
            found.add_samples(dataset.still_infos() if hasattr(dataset, 'still_infos') else
                              infos_of(dataset))
        return found

    def add(self, other: SourceFiles) -> None:
        """Add the files of another dataset."""
        self.keys |= other.keys
        self.sha256s |= other.sha256s

    def add_samples(self, infos: Iterable[dict[str, Any]]) -> None:
        """Add the files of samples, from their `get_data_info`."""
        for info in infos:
            for name in PATHS:
                self._add_file(info.get(name), info.get('frame'), info.get('sha256'))
            self._add_file(*(info.get(f'still_{part}') for part in ('file', 'frame', 'sha256')))

    def _add_file(self, file: Any, frame: int | None, sha256: str | None) -> None:
        if isinstance(file, (str, Path)):
            path = Path(file).resolve()
            self.keys.add((path, frame))
            if sha256 is not None:
                self.sha256s[path] = sha256

    @property
    def paths(self) -> set[Path]:
        """Paths of the files, without frames."""
        return {path for path, _ in self.keys}


def shared_files(one: SourceFiles, other: SourceFiles) -> list[Pair]:
    """Sorted pairs of files, one of each side, that are the same or have the same content.

    Two different frames of one file are not the same.  Content is compared by the sha256 of tables
    and manifests.  Without one, it is computed for files with equal sizes and first bytes.
    """
    return sorted({*_same_path(one.keys, other.keys), *_same_content(one, other)})


def _same_path(one: Collection[Key], other: Collection[Key]) -> Iterator[Pair]:
    frames = defaultdict(set)
    for path, frame in one:
        frames[path].add(frame)
    for path, frame in other:
        ours = frames.get(path, set())
        if frame in ours or (ours and (frame is None or None in ours)):
            yield path, path


def _same_content(one: SourceFiles, other: SourceFiles) -> Iterator[Pair]:
    named = {sha256: path for path, sha256 in one.sha256s.items()}
    yield from ((named[sha256], path) for path, sha256 in other.sha256s.items() if sha256 in named)
    if len(one.paths) + len(other.paths) > MAX_FILES:
        return
    buckets = [(one.paths - other.paths, other.paths - one.paths)]
    for measure in (_sizes, _head, sha256_of):
        buckets = [alike for bucket in buckets for alike in _alike(*bucket, measure)]
    for ours, theirs in buckets:
        yield from ((here, there) for here in ours for there in theirs
                    if not (here in one.sha256s and there in other.sha256s))


def _alike(ours: Iterable[Path], theirs: Iterable[Path],
           measure: Callable[[Path], Hashable]) -> list[tuple[set[Path], set[Path]]]:
    """Sets of files of both sides with equal measures; None equals nothing."""
    found: dict[Hashable, tuple[set[Path], set[Path]]] = defaultdict(lambda: (set(), set()))
    for side, paths in enumerate((ours, theirs)):
        for path in paths:
            found[measure(path)][side].add(path)
    return [bucket for value, bucket in found.items() if value is not None and all(bucket)]


def _sizes(path: Path) -> tuple[int, ...] | None:
    """Sizes of a file, or of the files of a folder; None if it is missing or empty."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    if not all(file.is_file() for file in files):
        return None
    sizes = tuple(file.stat().st_size for file in files)
    return sizes if any(sizes) else None


def _head(path: Path) -> bytes:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    with files[0].open('rb') as file:
        return file.read(HEAD_BYTES)
