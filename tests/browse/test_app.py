"""The server: which page it shows, to whom, and what it does with what is wrong."""
from __future__ import annotations

import http.client
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lddm_aug.browse import server
from lddm_aug.browse.app import make_app
from lddm_aug.commands import run_command

ROOT = Path(__file__).parents[2]


def call(address: str, path: str = '/', body: bytes | None = None,
         **headers: str) -> tuple[int, str]:
    """Status and text of an answer."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request('GET' if body is None else 'POST', path, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode(errors='replace')
    connection.close()
    return answer.status, text


def test_a_bad_upload_is_a_message_and_the_next_one_is_served(served, package, still):
    address = served(make_app(package))
    wrong, told = call(address, '/clip?name=a.png&seed=0', b'no picture')
    right, made = call(address, '/clip?name=a.png&seed=0&told+label=benign', still.read_bytes())
    assert wrong == 400 and 'a.png' in json.loads(told)['message']
    assert right == 200 and json.loads(made)['clip'].startswith('data:image/webp')


def test_a_file_that_is_too_large_is_not_read_to_its_end(served, package, monkeypatch):
    monkeypatch.setattr('lddm_aug.browse.clip_page.MAX_BYTES', 1 << 20)
    status, told = call(served(make_app(package)), '/clip?name=a.png&seed=0', bytes(2 << 20))
    assert status == 400 and '1 MiB' in told


def test_the_pages_load_nothing_from_elsewhere(served, package, store):
    for address in (served(make_app(package)), served(make_app(store))):
        status, page = call(address)
        assert status == 200 and '//' not in page.replace(':root', '')
        scripts = re.findall(r'src="(\w+\.js)"', page)
        assert len(scripts) == 2
        for script in scripts:
            status, text = call(address, f'/{script}')
            assert status == 200 and 'http' not in text


def test_other_sites_and_other_names_are_refused(served, store):
    address = served(make_app(store))
    sent = json.dumps(dict(clip_id='x', flag='bad')).encode()
    assert call(address, '/flag', sent, Origin='http://example.org')[0] == 403
    assert call(address, '/flag', sent, Origin='null')[0] == 403
    assert call(address, Host='example.org')[0] == 400
    own = address.rstrip('/')
    assert 'no clip' in call(address, '/flag', sent, Origin=own)[1]


def test_a_clip_that_is_missing_stops_nothing(served, store):
    address = served(make_app(store))
    first, *_, last = re.findall(r'src="(clips/\w+\.webp)"', call(address)[1])
    shard, = Path(store, 'clips').glob('*.npy')
    os.truncate(shard, shard.stat().st_size - 1)     # within its last clip
    assert call(address, f'/{last}')[0] == 404
    assert call(address, f'/{first}')[0] == 200
    shard.unlink()
    assert call(address, f'/{first}')[0] == 404
    assert call(address, '/clips/nothing.webp')[0] == call(address, '/x/nothing.webp')[0] == 404


def test_what_is_neither_a_package_nor_a_store_is_refused(tmp_path, package):
    with pytest.raises(FileNotFoundError, match='neither'):
        make_app(str(tmp_path / 'nothing'))
    for options in (dict(keep='k.json'), dict(good_only=True)):
        with pytest.raises(ValueError, match='package'):
            make_app(package, **options)             # type: ignore[arg-type]


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, which doesn't outlive the test, whatever fails."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_the_command_listens_on_this_machine_only_and_ends_by_ctrl_c(store):
    code = 'import lddm_aug_command as command; command.main()'
    command = [sys.executable, '-c', code, 'browse', store, '--port', '0']
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                cwd=ROOT)) as process:
        assert process.stdout and process.stderr
        line = process.stdout.readline()
        [address] = re.findall(r'http://127\.0\.0\.1:\d+/', line)
        assert call(address)[0] == 200
        port = urlsplit(address).port
        listening = [row.split()[1] for row in Path('/proc/net/tcp').read_text().splitlines()[1:]
                     if row.split()[3] == '0A' and row.split()[1].endswith(f':{port:04X}')]
        assert listening == [f'0100007F:{port:04X}']
        os.kill(process.pid, signal.SIGINT)
        _, complaints = process.communicate(timeout=300)             # seconds, on an idle machine
        assert (process.returncode, complaints) == (0, '')


def test_a_port_that_is_taken_is_named(served, store):
    address = served(make_app(store))
    port = urlsplit(address).port
    assert port
    with pytest.raises(ValueError, match=f'--port {port} .*0 for one'):
        server.serve(make_app(store), port)
    with pytest.raises(ValueError, match='--port 70000'):
        server.serve(make_app(store), 70000)


def test_a_server_leaves_the_log_file_of_a_training_open(served, store, tmp_path):
    log = logging.FileHandler(tmp_path / 'training.log', 'w')        # as MMEngine's
    served(make_app(store))
    log.emit(logging.makeLogRecord({'msg': 'iteration 2'}))
    log.close()
    assert (tmp_path / 'training.log').read_text() == 'iteration 2\n'


def test_a_missing_extra_is_named_in_one_message(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'uvicorn', None)
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: None, ['browse', 'store', '--device', 'cpu'])
    printed = capsys.readouterr().err
    assert ended.value.code == 2 and printed.count('\n') == 1
    assert 'uvicorn' in printed and "pip install 'lddm-aug[browse]'" in printed
