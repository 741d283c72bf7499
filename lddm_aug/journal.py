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

# Hooks that only refuse: what was measured without them is what it would be with them.
GUARDS = ('ClassGuardHook', 'SamplerGuardHook', 'WeightsGuardHook')


class Journal:
    """Runs steps and writes down what they gave, one JSON file a step.

    Args:
        folder: what the steps make lies below it; the notes lie in its folder `steps`.

    Attributes:
        seconds_of_earlier_calls: that steps took which needn't be done again.
        peak_rss_mb: memory that any step so far held at most.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds_of_earlier_calls = 0.
        self.peak_rss_mb = 0.

    def step(self, name: str, inputs: Mapping[str, Any], output: Path,
             work: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        """Do `work`, unless it was done with the same inputs and its output is still there.

        What an interrupted `work` left in `output` stays for it to go on with; what other inputs
        gave is removed.

        Args:
            inputs: all that the output depends on, as JSON can hold it.
            output: folder that `work` makes.
            work: its result must be something JSON can hold.

        Raises:
            ValueError: if the output exists and no step made it.
        """
        path = self.folder / 'steps' / f'{name.replace(" ", "_")}.json'
        note = self._read(path) if path.is_file() else {}
        if not note and output.exists():
            raise ValueError(f'{output} exists and was not made by this command; '
                             'choose another folder to work in')
        identity = fingerprint(inputs)
        if note.get('inputs') != identity or not output.exists():
            shutil.rmtree(output, ignore_errors=True)
            note = {'inputs': identity, 'output': str(output.relative_to(self.folder)),
                    'seconds': 0., 'peak_rss_mb': 0.}
            self._write(path, note)
        self.seconds_of_earlier_calls += note['seconds']
        done = 'result' in note
        if not done:
            started = time.monotonic()
            try:
                note['result'] = work()
            finally:
                note['seconds'] += time.monotonic() - started
                note['peak_rss_mb'] = max(note['peak_rss_mb'], peak_rss_mb())
                self._write(path, note)
        self.peak_rss_mb = max(self.peak_rss_mb, note['peak_rss_mb'])
        print(f'{name}: {note["seconds"]:.0f} s{" (done before)" if done else ""}', flush=True)
        return note['result']

    def forget(self) -> None:
        """Remove the notes and what the steps made."""
        for path in sorted((self.folder / 'steps').glob('*.json')):
            shutil.rmtree(self.folder / json.loads(path.read_bytes())['output'], ignore_errors=True)
            path.unlink()

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            return json.loads(path.read_bytes())
        except ValueError as error:
            raise ValueError(f'{path} is damaged; remove it and what its step made') from error

    def _write(self, path: Path, note: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_aside(path) as file:
            file.write(json.dumps(note, indent=1).encode())


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """sha256 of what JSON can hold, and of paths by their text; guards among hooks don't count."""
    text = json.dumps(_without_guards(inputs), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_guards(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_guards(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_guards(part) for part in value
                if not (isinstance(part, Mapping) and part.get('type') in GUARDS)]
    return value


def peak_rss_mb() -> float:
    """Most memory that this process and the largest of its finished children ever held, summed."""
    if resource is None:
        return 0.
    kib = sum(resource.getrusage(who).ru_maxrss
              for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return kib / (1 << 20 if sys.platform == 'darwin' else 1 << 10)
