"""The prepared format of datasets.

    videos.csv          path, label, group, split, frames, size (height x width), fps, sha256,
                        source (name in the source)
    stills.csv          the same; mask, if there are masks
    oracle.csv          the true videos of stills, if they are known
    left_out.csv        things of the source in no table, with reason and number of files
    frames/, oracle/    *.npy (T, H, W[, 3]) uint8
    stills/, masks/     *.png, grey or RGB
    preparation.json    the settings of the files
    preparation.jsonl   the files that exist, to resume an interrupted run

During a run there are no tables, so an unfinished folder can't be used by mistake.
"""
from __future__ import annotations

import io
import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image

from lddm_aug.csv_files import csv_bytes
from lddm_aug.data.frames import Pixels, to_channels
from lddm_aug.files import TEMPORARY, atomic_write, sha256_of
from lddm_aug.json_files import parse_json, read_json
from lddm_aug.preparation.frame_file import write_frames
from lddm_aug.preparation.listing import ORACLE, STILL, VIDEO, Item, LeftOut
from lddm_aug.preparation.names import without_ending

FORMAT_VERSION = 2                                   # 1 ignored orientation and transparency
SETTINGS = 'preparation.json'
PROGRESS = 'preparation.jsonl'
TABLES = ('videos.csv', 'stills.csv', 'oracle.csv')
COLUMNS = ('path', 'label', 'group', 'split', 'frames', 'size', 'fps', 'sha256', 'mask', 'source')
OPTIONAL = {'split', 'mask'}                         # columns that are omitted if they are empty

# names that Windows reserves, with any ending
RESERVED = {'con', 'prn', 'aux', 'nul', *(f'{port}{number}' for port in ('com', 'lpt')
                                          for number in range(10))}

RECORD = {'source': str, 'stamp': str, 'name': str, 'role': str, 'files': [
    {'table': str, 'path': str, 'frames': int, 'size': str, 'fps': str, 'sha256': str,
     'mask?': str, 'mask_sha256?': str}]}
PLACES = {'frames': '.npy', 'oracle': '.npy', 'stills': '.png', 'masks': '.png'}
File = dict[str, Any]                                # table, and columns that depend on the file


class PreparedFolder:
    """Writes a prepared folder, and tracks which items are done.

    Args:
        folder: new or empty, or started with the same settings.
        settings: all that the files depend on except their sources, in types of JSON.

    Raises:
        ValueError: if the folder has other content.
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self._claim({'format_version': FORMAT_VERSION, **settings})
        self._records = {record['source']: record for record in self._recorded()}
        self._started = False

    def holds(self, item: Item, name: str) -> bool:
        """Whether all files of an item exist, are complete, and match its source."""
        record = self._records.get(item.source, {})
        return (record.get('stamp') == item.stamp and record.get('name') == name
                and record.get('role') == item.role
                and all(self._is_complete(file) for file in record['files']))

    def add(self, item: Item, name: str, frames: Iterable[Pixels], fps: float | None = None,
            mask: Pixels | None = None) -> None:
        """Write the files of an item, in the memory of a few frames.

        Where the frames raise an error, nothing is written.

        Args:
            item: of the source.
            name: of the files, without ending.
            frames: T of (H, W) or (H, W, 3) each, of one size; if one is in colour, all become so.
            fps: frames per second; None if unknown.
            mask: (H, W), of a still.
        """
        files = []
        frames = iter(frames)
        first = next(frames)
        if item.role in (VIDEO, ORACLE):
            place, table = (('frames', 'videos.csv') if item.role == VIDEO else
                            ('oracle', 'oracle.csv'))
            video, is_coloured = self._write_video(f'{place}/{name}.npy', table,
                                                   chain([first], frames), fps)
            files.append(video)
            first = to_channels(first, 3 if is_coloured else 1)
        if item.role in (STILL, ORACLE):
            deque(frames, maxlen=0)                  # an error may come after the first
            self._start()
            still = self._write_still(f'stills/{name}.png', 'stills.csv', first)
            if mask is not None:
                kept = self._write_still(f'masks/{name}.png', '', mask)
                still |= {'mask': kept['path'], 'mask_sha256': kept['sha256']}
            files.append(still)
        record = {'source': item.source, 'stamp': item.stamp, 'name': name, 'role': item.role,
                  'files': files}
        with (self.folder / PROGRESS).open('ab') as progress:
            progress.write(_line(record))
        self._records[item.source] = record

    def finish(self, items: Sequence[Item], left_out: Iterable[LeftOut]) -> bool:
        """Write the tables, rows in the order of the items, and remove files of other items.

        Returns:
            Whether the folder changed.
        """
        contents = {name: self._table(name, items) for name in TABLES}
        contents['left_out.csv'] = csv_bytes(LeftOut._fields, left_out)
        contents[PROGRESS] = b''.join(_line(self._records[item.source]) for item in items)
        if all(self._content(name) == content for name, content in contents.items()):
            return False
        self._start()
        self._remove_strays(items)
        with ExitStack() as stack:                   # all are written before the first is renamed
            for name, content in contents.items():
                if content is not None:
                    file = stack.enter_context(atomic_write(self.folder / name))
                    file.write(content)
                    file.flush()
        return True

    def _claim(self, settings: dict[str, Any]) -> None:
        path = self.folder / SETTINGS
        if path.is_file():
            found = read_json(path, dict, f'remove {self.folder} or name another folder')
            settings = json.loads(json.dumps(settings))
            differing = sorted(key for key in {*found, *settings}
                               if found.get(key) != settings.get(key))
            if differing:
                raise ValueError(
                    f'{self.folder} was prepared with other settings (its {", ".join(differing)} '
                    'differ); name another folder, or remove this one')
            return
        if self.folder.exists() and (not self.folder.is_dir() or any(
                not file.name.endswith(TEMPORARY) for file in self.folder.iterdir())):
            raise ValueError(f'{self.folder} exists and is no prepared dataset; name a new or '
                             'empty folder')
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(json.dumps(settings, indent=1).encode() + b'\n')

    def _recorded(self) -> Iterable[dict[str, Any]]:
        path = self.folder / PROGRESS
        lines = path.read_bytes().splitlines() if path.is_file() else ()
        for number, line in enumerate(lines, start=1):
            try:
                json.loads(line)
            except ValueError:                       # a run was killed while it wrote this line
                continue
            except RecursionError:                   # named below
                pass
            source, advice = f'{path}, line {number}', 'remove the line, to prepare its file again'
            record = parse_json(line, RECORD, source, advice)
            own = {f'{place}/{record["name"]}{ending}' for place, ending in PLACES.items()}
            for named in (file.get(key) for file in record['files'] for key in ('path', 'mask')):
                if named is not None and (named not in own or '/' in record['name']):
                    raise ValueError(f'{source} names the file {named}, which is none of its '
                                     f'own; {advice}')
            yield record

    def _start(self) -> None:
        """Remove the tables until `finish` writes them."""
        if self._started:
            return
        for name in (*TABLES, 'left_out.csv'):
            (self.folder / name).unlink(missing_ok=True)
        with atomic_write(self.folder / PROGRESS) as file:            # without an incomplete line
            file.writelines(_line(record) for record in self._records.values())
        self._started = True

    def _is_complete(self, file: File) -> bool:
        kept = {file['path']: file['sha256']}
        if 'mask' in file:
            kept[file['mask']] = file['mask_sha256']
        return all((self.folder / path).is_file() and not (self.folder / path).is_symlink()
                   and sha256_of(self.folder / path) == digest
                   for path, digest in kept.items())

    def _write_video(self, path: str, table: str, frames: Iterable[Pixels], fps: float | None
                     ) -> tuple[File, bool]:
        """Write a video → what its row says, and whether it is in colour."""
        parent = (self.folder / path).parent
        parent.mkdir(exist_ok=True)
        try:
            with atomic_write(self.folder / path) as file:
                shape = write_frames(file, frames)
                self._start()                        # only now that all could be read
        except BaseException:
            with suppress(OSError):                  # it holds other files
                parent.rmdir()
            raise
        return {'table': table, 'path': path, 'frames': shape[0], 'size': f'{shape[1]}x{shape[2]}',
                'fps': '' if fps is None else f'{fps:.6g}',
                'sha256': sha256_of(self.folder / path)}, len(shape) == 4

    def _write_still(self, path: str, table: str, still: Pixels) -> File:
        (self.folder / path).parent.mkdir(exist_ok=True)
        content = io.BytesIO()
        Image.fromarray(still).save(content, 'PNG')
        with atomic_write(self.folder / path) as file:
            file.write(content.getvalue())
        return {'table': table, 'path': path, 'frames': 1, 'size': _size(still), 'fps': '',
                'sha256': sha256(content.getvalue()).hexdigest()}

    def _table(self, name: str, items: Sequence[Item]) -> bytes | None:
        """The content of a table; None if it has no rows."""
        rows = [{**item.others, 'label': item.label, 'group': item.group, 'source': item.source,
                 'split': item.split, **file}
                for item in items for file in self._records[item.source]['files']
                if file['table'] == name]
        if not rows:
            return None
        if name != 'videos.csv' and len({row['split'] for row in rows}) == 1:
            rows = [{**row, 'split': ''} for row in rows]            # the name of the table is it
        columns = [name for name in COLUMNS
                   if name not in OPTIONAL or any(row.get(name) for row in rows)]
        columns += dict.fromkeys(other for item in items for other in item.others)
        return csv_bytes(columns, ([row.get(name, '') for name in columns] for row in rows))

    def _content(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def _remove_strays(self, items: Sequence[Item]) -> None:
        kept = {path for item in items for file in self._records[item.source]['files']
                for path in (file['path'], file.get('mask'))}
        for place in PLACES:
            linked = (self.folder / place).is_symlink()               # others' files, perhaps
            for file in () if linked else (self.folder / place).glob('*'):
                if f'{place}/{file.name}' not in kept:
                    file.unlink()


def refuse_nesting(out: Path, source: Path) -> None:
    """Raise ValueError if `out` is in the source's folder, or the source in `out`.

    Files written into the source would be read as part of it.
    """
    root = (source if source.is_dir() else source.parent).resolve()
    if out.resolve().is_relative_to(root) or root.is_relative_to(out.resolve()):
        raise ValueError(f'{out} and the source {root} contain each other; name another folder')


def names_of(items: Sequence[Item]) -> list[str]:
    """Unique file names of items, of letters, digits, dots, dashes and underscores."""
    plain = [re.sub(r'[^A-Za-z0-9.-]+', '_', without_ending(item.source)).strip('_.-') or 'item'
             for item in items]
    plain = [f'{name}_' if name.lower() in RESERVED else name for name in plain]
    # some file systems ignore case
    counts = Counter(name.lower() for name in plain)
    return [name[:80] if counts[name.lower()] == 1 and len(name) <= 80 else
            f'{name[:80]}-{sha256(item.source.encode()).hexdigest()[:10]}'
            for name, item in zip(plain, items, strict=True)]


def _size(frame: Pixels) -> str:
    height, width = frame.shape[:2]
    return f'{height}x{width}'


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b'\n'
