"""Which steps are done and what came of them, so that a second call does only what is left."""
from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lddm_aug.files import write_aside

try:
    import resource
except ImportError:                                  # Windows
    resource = None                                  # type: ignore[assignment]


class Journal:
    """Runs steps and writes down what they gave, one JSON file a step.

    Args:
        folder: where the notes are kept.

    Attributes:
        seconds: that all steps so far took, whichever call ran them.
        peak_rss_mb: memory of this process and its largest child at most, over all of them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds = 0.
        self.peak_rss_mb = 0.

    def step(self, name: str, inputs: Mapping[str, Any], output: Path,
             work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Do `work`, unless it was done with the same inputs and its output is still there.

        What an interrupted `work` left in `output` stays for it to go on with; what another's
        inputs left is removed.

        Args:
            inputs: all that the output depends on, as JSON can hold it.
            output: folder or file that `work` makes.
            work: its result must be something JSON can hold.
        """
        path = self.folder / f'{name.replace(" ", "_")}.json'
        note = json.loads(path.read_bytes()) if path.is_file() else {}
        identity = fingerprint(inputs)
        if note.get('inputs') != identity:
            _remove(output)
            note = {'inputs': identity, 'seconds': 0., 'peak_rss_mb': 0.}
            self._write(path, note)
        done = 'result' in note and output.exists()
        if not done:
            started = time.monotonic()
            note['result'] = work()
            note['seconds'] += time.monotonic() - started
            note['peak_rss_mb'] = max(note['peak_rss_mb'], peak_rss_mb())
            self._write(path, note)
        self.seconds += note['seconds']
        self.peak_rss_mb = max(self.peak_rss_mb, note['peak_rss_mb'])
        print(f'{name}: {note["seconds"]:.0f} s{" (done before)" if done else ""}', flush=True)
        return note['result']

    def _write(self, path: Path, note: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with write_aside(path) as file:
            file.write(json.dumps(note, indent=1).encode())


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """sha256 of what JSON can hold, and of paths by their text."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()


def peak_rss_mb() -> float:
    """Most memory that this process and the largest of its finished children ever held, summed."""
    if resource is None:
        return 0.
    kib = sum(resource.getrusage(who).ru_maxrss
              for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return kib / (1 << 20 if sys.platform == 'darwin' else 1 << 10)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
