"""Resumable steps of long commands: a second call runs only those that are not done."""
from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lddm_aug.files import atomic_write, is_within
from lddm_aug.json_files import read_json

try:
    import resource
except ImportError:                                  # Windows
    resource = None                                  # type: ignore[assignment]

# Hooks that only raise errors and count: they don't change the results of a step.
GUARDS = ('ClassGuardHook', 'QuarantineHook', 'SamplerGuardHook', 'WeightsGuardHook')

RECORD = {'inputs': str, 'output': Path, 'seconds': float, 'peak_rss_mb': float,
          'result?': (dict, None)}


class ResumableSteps:
    """Runs steps and records their results, one JSON file per step.

    Args:
        folder: contains the outputs of the steps, and the records in its folder `steps`.

    Attributes:
        seconds_of_earlier_calls: duration of the steps that were done before.
        peak_rss_mb: largest memory of the steps so far, in MiB.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds_of_earlier_calls = 0.
        self.peak_rss_mb = 0.

    def run(self, name: str, inputs: Mapping[str, Any], output: Path,
            work: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        """Run `work`, unless it was done with the same inputs and its output exists → its result.

        The output of an interrupted `work` is kept, for it to resume; that of other inputs is
        removed.

        Args:
            name: of the step.
            inputs: all that the output depends on, in types of JSON.
            output: folder that `work` makes.
            work: its result must be in types of JSON.

        Raises:
            ValueError: if the output exists and no step made it.
        """
        path = self._record_of(name)
        record = self._read(path) if path.is_file() else {}
        if not record and output.exists():
            raise ValueError(f'{output} exists and was not made by this command; '
                             'choose another folder to work in')
        identity = fingerprint(inputs)
        if record.get('inputs') != identity or not output.exists():
            shutil.rmtree(output, ignore_errors=True)
            record = {'inputs': identity, 'output': str(output.relative_to(self.folder)),
                    'seconds': 0., 'peak_rss_mb': 0.}
            self._write(path, record)
        self.seconds_of_earlier_calls += record['seconds']
        done = 'result' in record
        if not done:
            started = time.monotonic()
            try:
                record['result'] = work()
            finally:
                record['seconds'] += time.monotonic() - started
                record['peak_rss_mb'] = max(record['peak_rss_mb'], peak_rss_mb())
                self._write(path, record)
        self.peak_rss_mb = max(self.peak_rss_mb, record['peak_rss_mb'])
        print(f'{name}: {record["seconds"]:.0f} s{" (done before)" if done else ""}', flush=True)
        return record['result']

    def find(self, name: str, inputs: Mapping[str, Any], output: Path) -> dict[str, Any] | None:
        """The record of a step that was done with these inputs; None if `run` would work.

        It holds `result`, `seconds` and the peak of memory.
        """
        path = self._record_of(name)
        record = self._read(path) if path.is_file() else {}
        done = 'result' in record and record['inputs'] == fingerprint(inputs) and output.exists()
        return record if done else None

    def forget(self) -> None:
        """Remove the records and the outputs of all steps.

        Raises:
            ValueError: before anything is removed, if a record is damaged, or its output isn't
                below the folder.
        """
        records = sorted((self.folder / 'steps').glob('*.json'))
        outputs = [self._output(path) for path in records]
        for path, output in zip(records, outputs, strict=True):
            shutil.rmtree(output, ignore_errors=True)
            path.unlink(missing_ok=True)

    def _record_of(self, name: str) -> Path:
        return self.folder / 'steps' / f'{name.replace(" ", "_")}.json'

    def _output(self, path: Path) -> Path:
        """What a recorded step made."""
        named = self._read(path)['output']
        if not is_within(self.folder / named, self.folder):
            raise ValueError(f'{path} names an output outside {self.folder} ({named}); remove the '
                             'record')
        return self.folder / named

    def _read(self, path: Path) -> dict[str, Any]:
        return read_json(path, RECORD, 'remove it and the output of its step')

    def _write(self, path: Path, record: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(json.dumps(record, indent=1).encode())


def fingerprint(inputs: Mapping[str, Any]) -> str:
    """sha256 of inputs in types of JSON and paths, without the guards among hooks."""
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
    """Peak memory of this process plus that of its largest finished child, in MiB."""
    if resource is None:
        return 0.
    kib = sum(resource.getrusage(who).ru_maxrss
              for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return kib / (1 << 20 if sys.platform == 'darwin' else 1 << 10)
