"""The networks that metrics look through, by name; each has an option in the tools."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

# path or URL, frame stride, device → a network
Loader = Callable[[str, float, torch.device], Any]


class NetworkOption(NamedTuple):
    """How a network is named on the command line, and loaded."""
    help: str
    metavar: str
    load: Loader


_OPTIONS: dict[str, NetworkOption] = {}


def register_network(name: str, help: str, metavar: str = 'PATH') -> Callable[[Loader], Loader]:
    """Give every tool that evaluates clips an option `--NAME` for a network.

    The function loads it: from a path or URL, for clips of a frame stride, on a device.  Metrics
    find it as `evaluation.networks[NAME]`.  It has a `name` and, for the record, a `provenance`,
    which is a dict with at least its `sha256`.

    Raises:
        ValueError: if there is one of this name.
    """
    if name in _OPTIONS:
        raise ValueError(f'register_network: there is a network {name!r} already; choose another '
                         'name')

    def register(load: Loader) -> Loader:
        _OPTIONS[name] = NetworkOption(help, metavar, load)
        return load

    return register


def registered_networks() -> Mapping[str, NetworkOption]:
    """Options of all registered networks, by name."""
    return dict(_OPTIONS)
