"""Seeds that depend on the sample, never on the worker, rank or process that draws it."""
from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral

import numpy as np
import torch


def derive_seed(*parts: object) -> int:
    """Mix the parts into one seed of 63 bits.

    The same parts give the same seed in every process and Python version.  Seeds of different
    parts, such as `derive_seed(0, 1)` and `derive_seed(1, 0)`, are practically independent.

    Args:
        parts: strings, numbers, paths, None, or lists of these.

    Raises:
        TypeError: for a part without a stable text, such as a set or an object.
    """
    text = json.dumps(parts, default=_plain)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], 'big') >> 1


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global states of numpy, random and PyTorch (CPU), which transforms use.

    On exit the previous states are restored, since models use them too.
    """
    states = np.random.get_state(), random.getstate(), torch.get_rng_state()
    np.random.seed([seed & 0xFFFFFFFF, seed >> 32])
    random.seed(seed)
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        np.random.set_state(states[0])
        random.setstate(states[1])
        torch.set_rng_state(states[2])


def _plain(part: object) -> int | str:
    if isinstance(part, Integral):                   # numpy's integers
        return int(part)
    if isinstance(part, os.PathLike):
        return str(os.fspath(part))
    raise TypeError('derive_seed: a part must be a string, a number, a path, None or a list of '
                    f'these, but got {part!r}')
