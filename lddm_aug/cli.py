"""What the tools have in common."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_sentence_errors() -> Iterator[None]:
    """End a tool with one sentence, not a traceback, where the user can mend what is wrong.

    That is what ValueError and OSError stand for here: exit status 2.  `python -X dev` shows the
    traceback all the same.  Ctrl-C ends with status 130.
    """
    tool = Path(sys.argv[0]).name
    try:
        yield
    except (ValueError, OSError) as error:
        if sys.flags.dev_mode:
            raise
        print(f'{tool}: {error}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f'{tool}: stopped', file=sys.stderr)
        sys.exit(130)
