"""Flags of a store's clips, and the keep file that they make."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from lddm_aug.files import atomic_write, sha256_of
from lddm_aug.json_files import read_json
from lddm_aug.store.manifest import MANIFEST

FLAGS = ('good', 'bad')


class ClipFlags:
    """Which clips of a store somebody has found good or bad.

    Two files lie beside the store, not in it: what a training reads of a store is known by all
    files in it, and flags change no clip.

        STORE.keep.json        the clip ids to keep, for `SyntheticClipDataset(keep=...)`
        STORE.keep.flags.json  the flags, of which the first is made again at every change

    Nothing is written before the first flag.

    Args:
        store: folder with its manifest.
        clip_ids: of all its clips, in order.
        keep: another place of the keep file; the flags lie beside it.
        good_only: keep the clips flagged good, not all but those flagged bad.

    Raises:
        ValueError: if the keep file lies in the store or has no flags beside it, or if the flags
            are damaged or of another store.
    """

    def __init__(self, store: str | Path, clip_ids: Sequence[str], keep: str | Path | None = None,
                 good_only: bool = False) -> None:
        store = Path(store).resolve()
        self.clip_ids = list(clip_ids)
        self.good_only = good_only
        self.keep = (store.with_name(f'{store.name}.keep.json') if keep is None else
                     Path(keep).resolve())
        self.file = self.keep.with_suffix('.flags.json')
        self.manifest_sha256 = sha256_of(store / MANIFEST)
        self._lock = Lock()
        self._check(store)
        if self.file.is_file() and self._kept_in_file() != (kept := self.kept(self.read())):
            self._write(self.keep, kept)

    def read(self) -> dict[str, str]:
        """Clip id → `good` or `bad`; clips without a flag are not in it."""
        if not self.file.is_file():
            return {}
        content = read_json(self.file, {'flags': {str: str}, 'manifest_sha256': str},
                            f'move it and {self.keep} away')
        flags = content['flags']
        if content['manifest_sha256'] != self.manifest_sha256:
            raise ValueError(f'{self.file} has the flags of another store, or of this one before '
                             'it was made again; move it away, or name another file by --keep')
        return flags

    def set(self, clip_id: str, flag: str | None) -> dict[str, str]:
        """Flag a clip, or take its flag away with None → the flags of all clips.

        Raises:
            ValueError: if the store has no such clip, or there is no such flag.
        """
        if clip_id not in self.clip_ids:
            raise ValueError(f'the store has no clip {clip_id!r}')
        if flag is not None and flag not in FLAGS:
            raise ValueError(f'a flag is {" or ".join(FLAGS)}, but got {flag!r}')
        with self._lock:
            flags = self.read()
            flags.pop(clip_id, None)
            if flag is not None:
                flags[clip_id] = flag
            self._write(self.file, dict(manifest_sha256=self.manifest_sha256, flags=flags))
            self._write(self.keep, self.kept(flags))
        return flags

    def kept(self, flags: Mapping[str, str]) -> list[str]:
        """Ids of the clips that these flags keep, in the store's order."""
        return [clip_id for clip_id in self.clip_ids
                if (flags.get(clip_id) == 'good' if self.good_only else
                    flags.get(clip_id) != 'bad')]

    def _check(self, store: Path) -> None:
        if self.keep.is_relative_to(store):
            raise ValueError(f'--keep {self.keep} lies in the store, where it would count as a '
                             'change of its clips; name a file outside')
        if self.keep.exists() and not self.file.exists():
            raise ValueError(f'--keep {self.keep} exists and was not made of flags; name another '
                             'file, or move it away')

    def _kept_in_file(self) -> Any:
        try:
            return read_json(self.keep, [str], '')
        except (FileNotFoundError, ValueError):
            return None

    @staticmethod
    def _write(path: Path, content: Any) -> None:
        with atomic_write(path) as file:
            file.write(json.dumps(content, indent=1).encode())
