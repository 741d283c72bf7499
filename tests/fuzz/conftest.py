"""The long run, of 10,000 damaged files for each parser, on all cores:

    python -m pytest -n auto tests/fuzz --mutations 10000 --rows scale.json

`-k packages` chooses a group of parsers, and `-k "shard or step"` single ones.
"""
from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any


def pytest_addoption(parser):
    parser.addoption('--mutations', type=int, metavar='N',
                     help='damaged files for each parser; default: the same 50, or 12')
    parser.addoption('--rows', type=Path, metavar='JSON',
                     help='put a row for each group of parsers into this file')


def pytest_terminal_summary(terminalreporter, config):
    """Write what was tried, also by other processes, whose reports come here."""
    file = config.getoption('rows', None)
    if file is None:
        return
    from lddm_aug.experiments.benchmark.measure import put_rows

    rows: list[dict[str, Any]] = []
    found: dict[str, list[tuple[int, bool]]] = {}
    for outcome in ('passed', 'failed'):
        for report in terminalreporter.getreports(outcome):
            told = dict(report.user_properties)
            if 'group' in told:
                found.setdefault(told['group'], []).append((told['tried'], outcome == 'failed'))
            if 'refused' in told:
                rows.append(dict(what=told['refused'], tried=1, failed=0, value=told['mib'],
                                 unit='MiB'))
    for group, parsers in found.items():
        failed = sum(has_failed for _, has_failed in parsers)
        rows.append(dict(what=f'damaged {group}: one sentence, nothing imported, no file outside, '
                              'at most 5 s and 1 GiB',
                         tried=sum(tried for tried, _ in parsers), failed=failed, value=failed,
                         unit=f'of {len(parsers)} parsers failed'))
    command = shlex.join(['python', '-m', 'pytest', *config.invocation_params.args])
    put_rows(file, [dict(row, command=command) for row in rows])
