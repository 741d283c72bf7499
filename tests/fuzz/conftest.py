"""The long run, of 10,000 damaged files for each parser, on all cores:

    python -m pytest -n auto tests/fuzz --mutations 10000 --rows scale.json

`-k packages` chooses a group of parsers, and `-k "shard or step"` single ones.
"""
from __future__ import annotations


def pytest_addoption(parser):
    parser.addoption('--mutations', type=int, metavar='N',
                     help='damaged files for each parser; default: the same 50, or 12')
