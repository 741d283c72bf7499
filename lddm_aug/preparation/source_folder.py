"""A folder of source files."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from lddm_aug.data.annotations import spellings, suggest_path
from lddm_aug.data.frames import (
    inspect,
    iter_frames,
    natural_key,
    read_still,
)
from lddm_aug.preparation.endings import is_hidden, why_not_read
from lddm_aug.preparation.listing import (
    BAD,
    EXCLUDED,
    STILL,
    Item,
    LeftOut,
    Listing,
    Recording,
)
from lddm_aug.preparation.names import printable, reason_of

HIDDEN = "is hidden or an operating system's own"


class SourceFolder:
    """Finds the files of a folder, following links.

    Args:
        root: the folder.

    Attributes:
        found: every file of the last `walk`, and the reason if nothing uses it.
        outside: number of files behind links out of the folder.

    Raises:
        FileNotFoundError: if it doesn't exist.
        NotADirectoryError: if it is a file.
    """

    def __init__(self, root: str | Path) -> None:
        if Path(root).is_file():
            raise NotADirectoryError(f'{printable(str(root))} is a file, not a folder')
        if not Path(root).is_dir():
            raise FileNotFoundError(f'{printable(str(root))}: there is no such folder')
        self.root = Path(root).resolve()
        self.found: dict[str, str] = {}
        self.outside = 0
        self._real: dict[str, Path] = {}             # item → its file or folder, links resolved

    def walk(self, left_out: list[LeftOut]) -> Iterator[tuple[Path, list[Path]]]:
        """Iterate over folders and their files, without hidden ones, 10 after 9.

        Broken links, links back into the source, and folders that can't be opened are added to
        `left_out`.
        """
        self.found, self.outside = {}, 0
        behind_links: set[Path] = set()
        waiting = [(self.root, False)]
        while waiting:
            here, hidden = waiting.pop()
            try:
                with os.scandir(here) as scanned:
                    entries = sorted(scanned, key=lambda entry: natural_key(entry.name))
            except OSError as error:
                left_out.append(LeftOut(self.name(here), BAD, reason_of(error, self.root)))
                continue
            folders, files = [], []
            for entry in entries:
                path = here / entry.name
                concealed = hidden or is_hidden(entry.name)
                reason = self._why_not_followed(path, behind_links) if entry.is_symlink() else ''
                if path.is_dir() and not reason:
                    folders.append((path, concealed))
                    continue
                self.found[self.name(path)] = HIDDEN if concealed else why_not_read(path)
                self.outside += not reason and not path.resolve().is_relative_to(self.root)
                if reason and not concealed:
                    left_out.append(LeftOut(self.name(path), BAD if 'nothing' in reason else
                                            EXCLUDED, reason))
                elif not concealed:
                    files.append(path)
            waiting += reversed(folders)
            if not hidden:
                yield here, files

    def name(self, path: Path) -> str:
        """Path relative to the root, with slashes, and printable."""
        return printable(path.relative_to(self.root).as_posix())

    def locate(self, value: str, where: str) -> Path:
        """The file or folder of a path in a table, links not resolved.

        Args:
            value: path in the table.
            where: prefix of the messages.

        Raises:
            FileNotFoundError: if it doesn't exist.
            ValueError: if it is outside the root, or can't be resolved.
        """
        outside = False
        for name in spellings(value):
            try:
                path = Path(os.path.normpath(self.root / name))
                if not path.is_relative_to(self.root):
                    path = path.resolve()            # absolute, by way of a link
                if path == self.root:
                    raise ValueError(f'{where}: {value} is the folder itself, not a file in it')
                if not path.is_relative_to(self.root):
                    outside = True
                elif path.exists():
                    return path
            except (OSError, RuntimeError) as error:
                raise ValueError(f'{where}: {value[:80]!r} cannot be resolved as a path'
                                 ) from error
        if outside:
            raise ValueError(f'{where}: {value} is outside {self.root}; name a folder that '
                             'contains all files by --root')
        raise FileNotFoundError(f'{where}: {value} does not exist{suggest_path(value, self.root)}')

    def item(self, path: Path, label: str, group: str, role: str, split: str = '',
             fps: float | None = None, frames: Sequence[Path] = ()) -> Item:
        """A still, a video, or a folder of frames as an item.

        Args:
            path: of the file or folder.
            label: name of the class.
            group: must never be on both sides of a split.
            role: as in Item.
            split: part of the data.
            fps: frames per second of a video whose file doesn't have them.
            frames: the files of a folder of frames.

        Raises:
            OSError: if the file, or one of the frames, no longer exists.
        """
        def open_() -> Recording:
            own_fps = inspect(path)
            if role == STILL:
                return Recording(iter([read_still(path)]))
            return Recording(iter_frames(path), own_fps or fps)

        self._real[self.name(path)] = path.resolve()
        return Item(self.name(path), label, group, role, stamp(path), open_, split,
                    tuple(map(self.name, frames)))

    def complete(self, listing: Listing) -> Listing:
        """Add the found files to a listing, and leave out links to other items."""
        listing.found, listing.root = self.found, self.root
        if self.outside:
            listing.notes.append(f'{self.outside} files are outside the source, behind links in '
                                 'it, and are used')
        first: dict[Path, str] = {}
        for item in sorted(listing.items, key=lambda item: self._name_of_real(item) != item.source):
            first.setdefault(self._real[item.source], item.source)
        kept = []
        for item in listing.items:
            other = first[self._real[item.source]]
            if other == item.source:
                kept.append(item)
            else:
                listing.left_out.append(LeftOut(item.source, EXCLUDED,
                                                f'is a link to the same as {other}'))
        listing.items = kept
        return listing

    def _name_of_real(self, item: Item) -> str:
        """The name of the target of an item's links; blank outside the root."""
        real = self._real[item.source]
        return self.name(real) if real.is_relative_to(self.root) else ''

    def _why_not_followed(self, link: Path, behind_links: set[Path]) -> str:
        """The reason why a link isn't followed; blank if it is."""
        try:
            target = link.resolve(strict=True)
        except (OSError, RuntimeError):              # a link to itself
            return 'is a link to nothing'
        if not target.is_dir():
            return ''
        if target.is_relative_to(self.root):
            return 'is a link to a folder of the source, which is read in its place'
        if self.root.is_relative_to(target):
            return 'is a link to a folder that contains the source'
        if any(target.is_relative_to(other) or other.is_relative_to(target)
               for other in behind_links):
            return 'is a link to a folder that is read through another link'
        behind_links.add(target)
        return ''


def stamp(*paths: Path) -> str:
    """A hash of the names, lengths and times of files, or of the files in folders."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            status = file.stat() if file.exists() else file.lstat()  # a link to nothing
            digest.update(os.fsencode(file.name) +
                          f' {status.st_size} {status.st_mtime_ns}\n'.encode())
    return digest.hexdigest()[:16]
