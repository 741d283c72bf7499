"""The command `lddm-aug`, as its own module, so that --help and mistakes are answered at once.

Importing `lddm_aug` registers every part with MMAction2, which takes seconds.  Python imports a
package before any module in it, so what the command begins with lies beside the package.  It
reads the arguments while the package is known but not yet run, and runs it when they are right.

A launcher starts it as a module:

    torchrun --nproc_per_node=GPUS -m lddm_aug_command train CONFIG --launcher pytorch
"""
from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable


def main() -> None:
    """Run `lddm-aug`; the package itself is run when the arguments are right."""
    register = announce_package()
    from lddm_aug.commands import run_command

    run_command(register)


def announce_package() -> Callable[[], None]:
    """Let modules of `lddm_aug` be imported without it; what is returned runs the package, once."""
    spec = importlib.util.find_spec('lddm_aug')
    if spec is None or spec.loader is None:
        sys.exit('lddm-aug: the package lddm_aug is missing; install lddm-aug again')
    package = sys.modules['lddm_aug'] = importlib.util.module_from_spec(spec)
    return functools.cache(functools.partial(spec.loader.exec_module, package))


if __name__ == '__main__':
    main()
