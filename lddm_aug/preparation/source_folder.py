"""A folder of somebody else's files."""
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
    """Gives what lies in a folder, links followed.

    Args:
        root: the folder.

    Attributes:
        found: every file that the last `walk` came by, and what to say of it if nothing uses it.
        outside: how many of them lie behind links that lead out of the folder.

    Raises:
        FileNotFoundError, NotADirectoryError: if there is no such folder.
    """

    def __init__(self, root: str | Path) -> None:
        if Path(root).is_file():
            raise NotADirectoryError(f'{printable(str(root))} is a file, and no folder')
        if not Path(root).is_dir():
            raise FileNotFoundError(f'{printable(str(root))}: there is no such folder')
        self.root = Path(root).resolve()
        self.found: dict[str, str] = {}
        self.outside = 0
        self._real: dict[str, Path] = {}             # item → its file or folder, links followed

    def walk(self, left_out: list[LeftOut]) -> Iterator[tuple[Path, list[Path]]]:
        """Each folder with its files, hidden ones apart, 10 after 9.

        Links to nothing, links that lead back, and folders that can't be opened go to `left_out`.
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
        """Relative to the root, with slashes, and printable."""
        return printable(path.relative_to(self.root).as_posix())

    def locate(self, value: str, where: str) -> Path:
        """The file or folder that a table names, links not followed.

        Raises:
            FileNotFoundError: if it doesn't exist.
            ValueError: if it lies outside of the root, or can't be followed.
        """
        outside = False
        for name in spellings(value):
            try:
                path = Path(os.path.normpath(self.root / name))
                if not path.is_relative_to(self.root):
                    path = path.resolve()            # absolute, by way of a link
                if path == self.root:
                    raise ValueError(f'{where}: {value} is the folder itself, and no file in it')
                if not path.is_relative_to(self.root):
                    outside = True
                elif path.exists():
                    return path
            except (OSError, RuntimeError) as error:
                raise ValueError(f'{where}: {value[:80]!r} is no path that can be followed'
                                 ) from error
        if outside:
            raise ValueError(f'{where}: {value} lies outside {self.root}; name a folder that '
                             'holds all files by --root')
        raise FileNotFoundError(f'{where}: {value} does not exist{suggest_path(value, self.root)}')

    def item(self, path: Path, label: str, group: str, role: str, split: str = '',
             fps: float | None = None, frames: Sequence[Path] = ()) -> Item:
        """A still, a video, or a folder of frames as an item; `fps` is for videos that don't say.

        Args:
            frames: the files of a folder of frames.

        Raises:
            OSError: if the file, or one of the frames, is no longer there.
        """
        def open_() -> Recording:
            said = inspect(path)
            if role == STILL:
                return Recording(iter([read_still(path)]))
            return Recording(iter_frames(path), said or fps)

        self._real[self.name(path)] = path.resolve()
        return Item(self.name(path), label, group, role, stamp(path), open_, split,
                    tuple(map(self.name, frames)))

    def complete(self, listing: Listing) -> Listing:
        """Add what was found, and leave out links to what is an item itself."""
        listing.found, listing.root = self.found, self.root
        if self.outside:
            listing.notes.append(f'{self.outside} files lie outside of the source, behind links '
                                 'in it, and were read')
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
        """The name of what an item's links lead to; blank outside of the root."""
        real = self._real[item.source]
        return self.name(real) if real.is_relative_to(self.root) else ''

    def _why_not_followed(self, link: Path, behind_links: set[Path]) -> str:
        """Blank if a link is to be followed."""
        try:
            target = link.resolve(strict=True)
        except (OSError, RuntimeError):              # a link to itself
            return 'is a link to nothing'
        if not target.is_dir():
            return ''
        if target.is_relative_to(self.root):
            return 'is a link to a folder of the source, which is read where it lies'
        if self.root.is_relative_to(target):
            return 'is a link to a folder that holds the source'
        if any(target.is_relative_to(other) or other.is_relative_to(target)
               for other in behind_links):
            return 'is a link to a folder that is read through another link'
        behind_links.add(target)
        return ''


def stamp(*paths: Path) -> str:
    """Changes with the name, the length or the time of a file, or of those in a folder."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            status = file.stat() if file.exists() else file.lstat()  # a link to nothing
            digest.update(os.fsencode(file.name) +
                          f' {status.st_size} {status.st_mtime_ns}\n'.encode())
    return digest.hexdigest()[:16]
