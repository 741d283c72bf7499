"""A folder of somebody else's files."""
from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from lddm_aug.datasets.frames import (
    STILL_SUFFIXES,
    VIDEO_SUFFIXES,
    UnreadableFile,
    inspect,
    is_still_file,
    iter_frames,
    natural_key,
    read_still,
)
from lddm_aug.preparation.listing import BAD, STILL, VIDEO, Item, LeftOut, Recording


class SourceFolder:
    """Gives what lies in a folder, and nothing that a link leads to outside of it.

    Args:
        root: the folder.

    Raises:
        FileNotFoundError: if there is no such folder.
    """

    def __init__(self, root: str | Path) -> None:
        if not Path(root).is_dir():
            raise FileNotFoundError(f'{root}: there is no such folder')
        self.root = Path(root).resolve()

    def walk(self, left_out: list[LeftOut]) -> Iterator[tuple[Path, list[Path]]]:
        """Each folder with its files, hidden ones apart, 10 after 9.

        Links that can't be followed and folders that can't be opened go to `left_out`.
        """
        def closed(error: OSError) -> None:
            left_out.append(LeftOut(self.name(Path(error.filename)), BAD, 'cannot be opened'))

        for name, folders, files in os.walk(self.root, onerror=closed):
            here = Path(name)
            folders[:] = sorted((f for f in folders if not _is_hidden(f)), key=natural_key)
            for folder in folders:
                if (here / folder).is_symlink():     # os.walk doesn't follow it
                    left_out.append(LeftOut(self.name(here / folder), BAD,
                                            'is a link to a folder, which is not followed'))
            found = []
            for file in sorted((f for f in files if not _is_hidden(f)), key=natural_key):
                try:
                    self.require_inside(here / file)
                    found.append(here / file)
                except UnreadableFile as error:
                    left_out.append(LeftOut(self.name(here / file), BAD, self.relative(error)))
            yield here, found

    def name(self, path: Path) -> str:
        """Relative to the root, with slashes."""
        return path.relative_to(self.root).as_posix()

    def relative(self, error: Exception) -> str:
        """What an error says, paths relative to the root."""
        return str(error).replace(f'{self.root}{os.sep}', '')

    def require_inside(self, path: Path) -> None:
        """Refuse a link that leads out of the root or nowhere, in a folder of frames as well."""
        for each in (path, *(path.iterdir() if path.is_dir() else ())):
            try:
                target = each.resolve()
                exists = target.exists()
            except (OSError, RuntimeError) as error:                 # a link to itself
                raise UnreadableFile(f'{each} cannot be followed') from error
            if not target.is_relative_to(self.root):
                raise UnreadableFile(f'{each} is a link that leads out of the source folder')
            if not exists:
                raise UnreadableFile(f'{each} is a link to nothing')

    def item(self, path: Path, label: str, group: str, role: str, split: str = '',
             fps: float | None = None) -> Item:
        """A still, a video, or a folder of frames as an item; `fps` is for videos that don't say.
        """
        def open_() -> Recording:
            self.require_inside(path)
            said = inspect(path)
            if role == STILL:
                return Recording(iter([read_still(path)]))
            return Recording(iter_frames(path), said or fps)

        return Item(self.name(path), label, group, role, stamp(path), open_, split)


def role_of(path: Path) -> str | None:
    """STILL or VIDEO, a picture of several frames among them; None if its ending is neither's."""
    if path.suffix.lower() not in STILL_SUFFIXES | VIDEO_SUFFIXES:
        return None
    return STILL if is_still_file(path) else VIDEO


def stamp(*paths: Path) -> str:
    """Changes with the name, the length or the time of a file, or of those in a folder."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            status = file.lstat()
            digest.update(f'{file.name} {status.st_size} {status.st_mtime_ns}\n'.encode())
    return digest.hexdigest()[:16]


def _is_hidden(name: str) -> bool:
    return name.startswith('.') or name in ('Thumbs.db', 'desktop.ini', '__MACOSX')
