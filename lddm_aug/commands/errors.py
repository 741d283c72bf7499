"""What the user reads where something is wrong: one message, not a traceback."""
from __future__ import annotations

import difflib
import os
import re
import signal
import sys
import textwrap
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from lddm_aug.extras import MissingExtraError

# what files and values that were given cause, and what is not installed
OF_THE_INPUT = (ValueError, OSError, SyntaxError, MissingExtraError)
LITTLE_MEMORY = 'there is too little memory'
SHOWN = 400                                          # letters of what others' messages say


@contextmanager
def friendly_errors(command: str | None = None, options: Iterable[str] = ()) -> Iterator[None]:
    """End a command with one message, not a traceback, where the user can correct what is wrong.

    That is so for files and values that were given, for whatever goes wrong while MMEngine reads a
    config or builds a part that a config names, for a layer that gets a shape which it isn't made
    for, for lack of memory, and for whatever goes wrong where values were put into a config.
    Everything else is a defect of ours and keeps its traceback.
    `python -X dev` shows the traceback in any case.

    Args:
        command: begins the message; by default the name of the file that was started.
        options: keys of the values that were put into a config.

    The exit status is 2; 130 after Ctrl-C; 141, silently, where the output is closed.  Of several
    processes that train together only the first to fail says why.
    """
    command = command or Path(sys.argv[0]).name
    for stream in (sys.stdout, sys.stderr):          # a locale without × is no reason to fail
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='backslashreplace')
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        message = _message(error) or _message_on_options(error, [*options])
        if sys.flags.dev_mode:
            raise
        ranks = sys.modules.get('lddm_aug.distributed')
        if ranks is not None and not ranks.is_first_to_fail():
            sys.exit(2)
        if message is None:
            raise
        print(f'{command}: {message}', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f'{command}: interrupted', file=sys.stderr)
        sys.exit(130)


def _message(error: Exception) -> str | None:
    """The message for the user; None where the error is a defect of ours."""
    text, frames = _text(error), [*traceback.walk_tb(error.__traceback__)]
    ranks = sys.modules.get('lddm_aug.distributed')
    if ranks is not None and ranks.is_lost_rank(error):
        return (f'another of the processes that train together has ended, or does not answer '
                f'({textwrap.shorten(text, SHOWN // 4)}); start all of them again, with --resume')
    if _is_out_of_memory(error) or 'DefaultCPUAllocator' in text:        # PyTorch's, of the CPU
        if not text or 'Traceback' in text:
            text = LITTLE_MEMORY
        return text if LITTLE_MEMORY in text else f'{LITTLE_MEMORY} ({text}); take smaller batches'
    place = ''
    for frame, line in frames:
        place = _place_in_a_config(frame, line, place) or place
    if isinstance(error, OF_THE_INPUT):
        is_named = not place or _is_ours(frames[-1][0]) or place.partition('(')[0] in text
        return text if is_named else textwrap.shorten(f'{place}: {text}', SHOWN)
    place = place or _layer_of_a_model(error, [frame for frame, _ in frames])
    if place:
        where = f' ({type(error).__name__}; python -X dev shows where)' if '(' in place else ''
        return _unknown_part(frames[-1][0]) or textwrap.shorten(f'{place}: {text}', SHOWN) + where
    return None


def _message_on_options(error: Exception, options: list[str]) -> str | None:
    """What to say where values were put into a config, which are likely to be the reason."""
    if not options:
        return None
    return (textwrap.shorten(f'--cfg-options {" ".join(options)}: {_text(error)}', SHOWN)
            + f' ({type(error).__name__}; python -X dev shows where)')


def _is_out_of_memory(error: Exception) -> bool:
    torch = sys.modules.get('torch')                 # which raises none before it is imported
    kinds = (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds)


def _text(error: Exception) -> str:
    """What it says, without the traceback that PyTorch puts before an error in a worker."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f'line {error.lineno}: {error.msg}'
    if isinstance(error, UnicodeDecodeError):
        return f'byte {error.start} is no {error.encoding} ({error.reason}); save the text as UTF-8'
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if 'Original Traceback' in text:
        text = re.split(r'^[\w.]+: ', text, flags=re.MULTILINE)[-1].strip()
    if not text and isinstance(error, AssertionError):
        text = str(traceback.extract_tb(error.__traceback__)[-1].line)
    return ' '.join(text.split())


def _place_in_a_config(frame: FrameType, line: int, before: str) -> str:
    """The line of a config, its file, or the part built from it that a frame is about; else ''.

    Args:
        before: what the frames around this one are about.
    """
    module, variables = frame.f_globals.get('__name__'), frame.f_locals
    if module is None:                               # MMEngine runs a config as no module
        return f'{frame.f_code.co_filename}:{line}' if frame.f_code.co_filename else ''
    if module.startswith('mmengine.config'):
        return str(variables.get('filename') or before or 'config')
    if module == 'mmengine.registry.build_functions' and 'registry' in variables:
        if 'obj_type' not in variables:
            return f'config of a {variables["registry"].name}'
        kind, arguments = variables['obj_type'], variables['args']
        simple = ', '.join(f'{name}={value!r}' for name, value in arguments.items()
                           if isinstance(value, (str, int, float, type(None))))
        return f'{getattr(kind, "__name__", kind)}({textwrap.shorten(simple, SHOWN // 2)})'
    if module == 'mmengine.runner.runner' and frame.f_code.co_name == 'from_cfg':
        return 'Runner(…)'
    return ''


def _layer_of_a_model(error: Exception, frames: list[FrameType]) -> str:
    """The layer of PyTorch whose input has another shape than the config gives it, or ''."""
    if 'torch' not in sys.modules:
        return ''
    import torch  # slow, and already there

    modules = [frame.f_locals['self'] for frame in frames
               if isinstance(frame.f_locals.get('self'), torch.nn.Module)]
    if not isinstance(error, RuntimeError) or not modules:
        return ''
    names = {module: name for name, module in modules[0].named_modules()}
    layer = modules[-1]
    if layer not in names or not type(layer).__module__.startswith('torch.nn.'):
        return ''
    return f'model.{names[layer]}({layer.extra_repr()})'


def _unknown_part(frame: FrameType) -> str:
    """The message on a `type` that no registry knows; '' where the frame is about another."""
    variables = frame.f_locals
    if variables.get('obj_cls', frame) is not None or 'registry' not in variables:
        return ''
    name, registry = variables['obj_type'], variables['registry']
    known = {*registry.module_dict}
    while (registry := registry.parent) is not None:
        known |= {*registry.module_dict}
    alike = difflib.get_close_matches(name, known, 1)
    return (f'there is no {variables["registry"].name} named {name!r}; '
            + (f'did you mean {alike[0]!r}?' if alike else 'correct its name, or import what '
               'registers it by custom_imports in the config'))


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get('__name__')).startswith('lddm_aug.')
