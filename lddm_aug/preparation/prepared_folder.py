"""The one form that data sets are brought into.

    videos.csv          path, label, group, split, frames, size (height x width), fps, sha256,
                        source (name of what it was made from)
    stills.csv          the same; mask, where there are masks
    oracle.csv          the true videos behind stills, where they are known
    left_out.csv        what of the source is in no table, why, and how many files it is
    frames/, oracle/    *.npy (T, H, W[, 3]) uint8
    stills/, masks/     *.png, grey or RGB
    preparation.json    the settings that the files were made with
    preparation.jsonl   which files are made, so that an interrupted run is resumed

While a run is making files there are no tables, so nothing looks finished that isn't.
"""
from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lddm_aug.data.frames import Pixels
from lddm_aug.files import ASIDE, sha256_of, write_aside
from lddm_aug.preparation.listing import ORACLE, STILL, VIDEO, Item, LeftOut
from lddm_aug.preparation.names import without_ending

FORMAT_VERSION = 2                                   # 1 had pictures neither turned nor on black
SETTINGS = 'preparation.json'
JOURNAL = 'preparation.jsonl'
TABLES = ('videos.csv', 'stills.csv', 'oracle.csv')
COLUMNS = ('path', 'label', 'group', 'split', 'frames', 'size', 'fps', 'sha256', 'mask', 'source')
OPTIONAL = {'split', 'mask'}                         # columns left away where nothing is in them

# names that Windows keeps for itself, whatever their ending
RESERVED = {'con', 'prn', 'aux', 'nul', *(f'{port}{number}' for port in ('com', 'lpt')
                                          for number in range(10))}

File = dict[str, Any]                                # table and the columns that a file decides


class PreparedFolder:
    """Holds what was prepared, and knows what is still to do.

    Args:
        folder: new or empty, or begun with the same settings.
        settings: all that the files depend on besides their sources, as JSON can hold it.

    Raises:
        ValueError: if the folder holds something else.
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self._claim({'format_version': FORMAT_VERSION, **settings})
        self._records = {record['source']: record for record in self._recorded()}
        self._begun = False

    def holds(self, item: Item, name: str) -> bool:
        """Whether all that is made of an item is there, whole, and as young as its source."""
        record = self._records.get(item.source, {})
        return (record.get('stamp') == item.stamp and record.get('name') == name
                and record.get('role') == item.role
                and all(self._is_whole(file) for file in record['files']))

    def add(self, item: Item, name: str, frames: Pixels, fps: float | None = None,
            mask: Pixels | None = None) -> None:
        """Keep an item.

        Args:
            frames: (T, H, W) or (T, H, W, 3).
            mask: (H, W), of a still.
        """
        self._begin()
        files = []
        if item.role in (VIDEO, ORACLE):
            place, table = (('frames', 'videos.csv') if item.role == VIDEO else
                            ('oracle', 'oracle.csv'))
            files.append(self._keep_video(f'{place}/{name}.npy', table, frames, fps))
        if item.role in (STILL, ORACLE):
            still = self._keep_still(f'stills/{name}.png', 'stills.csv', frames[0])
            if mask is not None:
                kept = self._keep_still(f'masks/{name}.png', '', mask)
                still |= {'mask': kept['path'], 'mask_sha256': kept['sha256']}
            files.append(still)
        record = {'source': item.source, 'stamp': item.stamp, 'name': name, 'role': item.role,
                  'files': files}
        with (self.folder / JOURNAL).open('ab') as journal:
            journal.write(_line(record))
        self._records[item.source] = record

    def finish(self, items: Sequence[Item], left_out: Iterable[LeftOut]) -> bool:
        """Write the tables, rows in the items' order, and remove files of items no longer there.

        Returns:
            Whether anything had to be changed.
        """
        contents = {name: self._table(name, items) for name in TABLES}
        contents['left_out.csv'] = _csv(LeftOut._fields, left_out)
        contents[JOURNAL] = b''.join(_line(self._records[item.source]) for item in items)
        if all(self._content(name) == content for name, content in contents.items()):
            return False
        self._begin()
        self._remove_strays(items)
        with ExitStack() as stack:                   # all are written before one takes its name
            for name, content in contents.items():
                if content is not None:
                    file = stack.enter_context(write_aside(self.folder / name))
                    file.write(content)
                    file.flush()
        return True

    def _claim(self, settings: dict[str, Any]) -> None:
        path = self.folder / SETTINGS
        if path.is_file():
            try:
                found = json.loads(path.read_bytes())
            except ValueError as error:
                raise ValueError(f'{path} is damaged; remove {self.folder} or name another '
                                 'folder') from error
            settings = json.loads(json.dumps(settings))
            differing = sorted(key for key in {*found, *settings}
                               if found.get(key) != settings.get(key))
            if differing:
                raise ValueError(
                    f'{self.folder} was prepared with other settings (its {", ".join(differing)} '
                    'differ); name another folder, or remove this one')
            return
        if self.folder.exists() and (not self.folder.is_dir() or any(
                not file.name.endswith(ASIDE) for file in self.folder.iterdir())):
            raise ValueError(f'{self.folder} exists and is no prepared data set; name a new or '
                             'empty folder')
        self.folder.mkdir(parents=True, exist_ok=True)
        with write_aside(path) as file:
            file.write(json.dumps(settings, indent=1).encode() + b'\n')

    def _recorded(self) -> Iterable[dict[str, Any]]:
        path = self.folder / JOURNAL
        for line in path.read_bytes().splitlines() if path.is_file() else ():
            with suppress(ValueError):               # a run was killed while writing this line
                record = json.loads(line)
                yield record

    def _begin(self) -> None:
        """From here on, and until the end, there are no tables."""
        if self._begun:
            return
        for name in (*TABLES, 'left_out.csv'):
            (self.folder / name).unlink(missing_ok=True)
        with write_aside(self.folder / JOURNAL) as file:             # without a torn last line
            file.writelines(_line(record) for record in self._records.values())
        self._begun = True

    def _is_whole(self, file: File) -> bool:
        kept = {file['path']: file['sha256']}
        if 'mask' in file:
            kept[file['mask']] = file['mask_sha256']
        return all((self.folder / path).is_file() and sha256_of(self.folder / path) == digest
                   for path, digest in kept.items())

    def _keep_video(self, path: str, table: str, frames: Pixels, fps: float | None) -> File:
        (self.folder / path).parent.mkdir(exist_ok=True)
        with write_aside(self.folder / path) as file:
            np.save(file, frames, allow_pickle=False)
        return {'table': table, 'path': path, 'frames': len(frames), 'size': _size(frames[0]),
                'fps': '' if fps is None else f'{fps:.6g}',
                'sha256': sha256_of(self.folder / path)}

    def _keep_still(self, path: str, table: str, still: Pixels) -> File:
        (self.folder / path).parent.mkdir(exist_ok=True)
        content = io.BytesIO()
        Image.fromarray(still).save(content, 'PNG')
        with write_aside(self.folder / path) as file:
            file.write(content.getvalue())
        return {'table': table, 'path': path, 'frames': 1, 'size': _size(still), 'fps': '',
                'sha256': sha256(content.getvalue()).hexdigest()}

    def _table(self, name: str, items: Sequence[Item]) -> bytes | None:
        """None where there are no rows."""
        rows = [{'label': item.label, 'group': item.group, 'source': item.source,
                 'split': item.split, **file}
                for item in items for file in self._records[item.source]['files']
                if file['table'] == name]
        if not rows:
            return None
        if name != 'videos.csv' and len({row['split'] for row in rows}) == 1:
            rows = [{**row, 'split': ''} for row in rows]            # the table says it already
        columns = [name for name in COLUMNS
                   if name not in OPTIONAL or any(row.get(name) for row in rows)]
        return _csv(columns, ([row.get(name, '') for name in columns] for row in rows))

    def _content(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def _remove_strays(self, items: Sequence[Item]) -> None:
        wanted = {path for item in items for file in self._records[item.source]['files']
                  for path in (file['path'], file.get('mask'))}
        for place in ('frames', 'oracle', 'stills', 'masks'):
            for file in (self.folder / place).glob('*'):
                if f'{place}/{file.name}' not in wanted:
                    file.unlink()


def refuse_nesting(out: Path, source: Path) -> None:
    """Refuse to write into the source, which would be read again as part of it.

    Raises:
        ValueError: if `out` lies in the source's folder, or the source in `out`.
    """
    root = (source if source.is_dir() else source.parent).resolve()
    if out.resolve().is_relative_to(root) or root.is_relative_to(out.resolve()):
        raise ValueError(f'{out} and the source {root} lie in each other; name a folder apart')


def names_of(items: Sequence[Item]) -> list[str]:
    """A file name for each item: letters, digits, dots, dashes and underscores, each name once."""
    plain = [re.sub(r'[^A-Za-z0-9.-]+', '_', without_ending(item.source)).strip('_.-') or 'item'
             for item in items]
    plain = [f'{name}_' if name.lower() in RESERVED else name for name in plain]
    lower = [name.lower() for name in plain]         # some file systems don't tell A from a
    seen: dict[str, int] = {}
    for name in lower:
        seen[name] = seen.get(name, 0) + 1
    return [name[:80] if seen[name.lower()] == 1 and len(name) <= 80 else
            f'{name[:80]}-{sha256(item.source.encode()).hexdigest()[:10]}'
            for name, item in zip(plain, items, strict=True)]


def _size(frame: Pixels) -> str:
    height, width = frame.shape[:2]
    return f'{height}x{width}'


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode() + b'\n'


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline='')
    csv.writer(text, lineterminator='\n').writerows([columns, *rows])
    return text.getvalue().encode()
