"""What the tools have in common."""
from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import DictAction


def add_device_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu',
                        help='cpu, cuda or cuda:N; default here: %(default)s')


@contextmanager
def one_sentence_errors() -> Iterator[None]:
    """End a tool with one sentence, not a traceback, where the user can mend what is wrong.

    The exit status is 2.  `python -X dev` shows the traceback all the same.  Ctrl-C ends with
    status 130.
    """
    tool = Path(sys.argv[0]).name
    try:
        yield
    except Exception as error:
        if sys.flags.dev_mode or not _can_be_mended(error):
            raise
        print(f'{tool}: {_sentence(error)}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f'{tool}: stopped', file=sys.stderr)
        sys.exit(130)


def _can_be_mended(error: Exception) -> bool:
    """Whether it is about a file, a value, memory, or a config's syntax, parts and keys."""
    text = str(error)
    return (isinstance(error, (ValueError, OSError, SyntaxError, MemoryError))
            or bool(_place_in_a_config(error))
            or isinstance(error, KeyError) and ('registry' in text or 'the key "type"' in text)
            or isinstance(error, TypeError) and ('unexpected keyword argument' in text or
                                                 '__init__() missing' in text))


def _place_in_a_config(error: Exception) -> str:
    """File and line of a name that a config doesn't define; empty for every other error."""
    where = error.__traceback__
    if not isinstance(error, NameError) or where is None:
        return ''
    while where.tb_next is not None:
        where = where.tb_next
    # MMEngine runs a config as no module, so that it has no name
    in_config = '__name__' not in where.tb_frame.f_globals
    return f'{where.tb_frame.f_code.co_filename}:{where.tb_lineno}: ' if in_config else ''


def _sentence(error: Exception) -> str:
    """What it says, without the traceback that PyTorch puts before an error in a worker."""
    text = _place_in_a_config(error) + str(
        error.args[0] if isinstance(error, KeyError) else error)
    if not text and isinstance(error, MemoryError):
        return 'there is too little memory'
    if 'Original Traceback' in text:
        text = re.split(r'^[\w.]+: ', text, flags=re.MULTILINE)[-1].strip()
    return text


class KeyValue(DictAction):
    """MMEngine's DictAction, which fails on a word without `=` and doesn't say which."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace,
                 values: Any, option_string: str | None = None) -> None:
        for value in values:
            if '=' not in value:
                parser.error(f'{option_string} takes key=value, but got {value}')
        super().__call__(parser, namespace, values, option_string)
