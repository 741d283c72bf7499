"""What no file may do, whatever is in it: watched while it is read."""
from __future__ import annotations

import resource
import signal
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

SECONDS = 5                                          # of processor time, not of the clock
MEMORY = 1 << 30                                     # bytes
# an error that a parser may raise, exactly: others are of a class that says nothing to a user
ALLOWED = {'ValueError', 'FileNotFoundError', 'UnreadableFileError', 'NotADirectoryError',
           'IsADirectoryError'}
OURS = [Path(path).resolve() for path in {
    *sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, Path(__file__).parents[3],
    '/proc', '/sys', '/dev', '/usr/lib', '/usr/share', '/etc/mime.types'}]
WRITING = {'os.remove', 'os.rename', 'os.mkdir', 'os.rmdir', 'os.link', 'os.symlink',
           'os.truncate', 'os.chmod', 'shutil.rmtree', 'shutil.move', 'shutil.copyfile'}
NEVER = {'os.system', 'os.exec', 'os.fork', 'os.posix_spawn', 'subprocess.Popen',
         'socket.connect', 'socket.getaddrinfo', 'pickle.find_class', 'ctypes.dlopen'}
_watched: list[Path] = []                            # folder that may be touched, while watching
_faults: list[str] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched:
        return
    if event in NEVER:
        _faults.append(f'{event}{arguments!r:.200}')
    elif event == 'open' or event in WRITING:
        path = arguments[0]
        if isinstance(path, (str, bytes)) and not _may_touch(path, event == 'open'):
            _faults.append(f'{event} of {path!r:.200}')


def _may_touch(path: str | bytes, only_opened: bool) -> bool:
    found = Path(path.decode(errors='surrogateescape') if isinstance(path, bytes) else path)
    held, _watched[:] = _watched[:], []              # resolving it is no matter of the file
    try:
        found = found.absolute()
        return (found.is_relative_to(held[0].parent)
                or (only_opened and any(found.is_relative_to(each) for each in OURS)))
    finally:
        _watched[:] = held


sys.addaudithook(_audit)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise AssertionError(f'took more than {SECONDS} s')


@contextmanager
def guarded(folder: Path, said: list[str] | None = None, memory: int = MEMORY) -> Iterator[None]:
    """Fail where the block does more than read what is in a folder, or says more than a sentence.

    Args:
        said: takes the message, if there is one.
        memory: bytes beside what the process has.

    Raises:
        AssertionError: if it imports a module, touches another file, starts a process, takes more
            than SECONDS or memory, or raises any error but a message of ours.
    """
    modules = {*sys.modules}
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(Path('/proc/self/statm').read_text().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (used + memory, most))
    earlier = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    _faults.clear()
    _watched[:] = [folder]
    try:
        yield
    except Exception as error:
        _watched.clear()
        kind, text = type(error).__name__, str(error)
        if isinstance(error, AssertionError) or kind not in ALLOWED:
            raise
        assert text.strip() and 'Traceback' not in text, f'no sentence: {text[:300]!r}'
        if said is not None:
            said.append(text)
    finally:
        _watched.clear()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, earlier)
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))
    assert not _faults, _faults[0]
    imported = {name for name in {*sys.modules} - modules if not name.startswith('encodings.')}
    assert not imported, f'imported {imported}'
