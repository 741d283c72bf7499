"""A Hugging Face Hub on this machine: the few requests that huggingface_hub makes of it."""
from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

TOKEN = 'hf_test'


class Hub:
    """Repositories in memory.

    Attributes:
        repositories: name → dict(private, branches: name → commit).
        commits: commit → file → bytes.
        requests: method and path of each request.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, Any]] = {}
        self.commits: dict[str, dict[str, bytes]] = {}
        self.requests: list[str] = []

    def create(self, name: str, private: bool) -> None:
        first = self.commit({'.gitattributes': b''})
        self.repositories.setdefault(name, dict(private=private, branches=dict(main=first)))

    def commit(self, files: dict[str, bytes]) -> str:
        sha = hashlib.sha1(f'{len(self.commits)}'.encode()).hexdigest()
        self.commits[sha] = files
        return sha

    def files(self, name: str, revision: str = 'main') -> dict[str, bytes]:
        """Without the one that every repository has."""
        files = self.commits[self.repositories[name]['branches'][revision]]
        return {file: content for file, content in files.items() if file != '.gitattributes'}


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, content: Any = b'', **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        kind = 'application/json' if not isinstance(content, bytes) else 'application/octet-stream'
        for key, value in {'Content-Type': kind, 'Content-Length': str(len(body)),
                           **{key.replace('_', '-'): value for key, value in headers.items()}
                           }.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def handle_request(self) -> None:
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        path = unquote(self.path.partition('?')[0])
        self.hub.requests.append(f'{self.command} {path}')
        is_owner = self.headers.get('Authorization') == f'Bearer {TOKEN}'
        if path == '/api/validate-yaml':
            return self.answer(200, dict(errors=[], warnings=[]))
        if path == '/api/repos/create':
            if not is_owner:
                return self.answer(401, dict(error='Invalid credentials'))
            asked = json.loads(body)
            name = f'{asked["organization"]}/{asked["name"]}'
            is_new = name not in self.hub.repositories
            private = asked.get('visibility') == 'private' or bool(asked.get('private'))
            self.hub.create(name, private)
            return self.answer(200 if is_new else 409, dict(url=f'/{name}', id=name))
        match = (re.fullmatch(r'/api/models/([^/]+/[^/]+)(?:/(\w+)/(.+?))?', path)
                 or re.fullmatch(r'/([^/]+/[^/]+)/(resolve)/(.+)', path))
        name, action, rest = match.groups() if match else ('', '', '')
        repository = self.hub.repositories.get(name)
        if repository is None or (repository['private'] and not is_owner):
            return self.answer(401 if not is_owner else 404, dict(error='Repository not found'),
                               X_Error_Code='RepoNotFound')
        if action == 'branch':
            made = repository['branches'].setdefault(rest, repository['branches']['main'])
            return self.answer(200, dict(commit=made))
        revision, _, file = (rest or 'main').partition('/')
        sha = repository['branches'].get(revision, revision)
        if sha not in self.hub.commits:
            return self.answer(404, dict(error='Invalid rev id'), X_Error_Code='RevisionNotFound')
        files = self.hub.commits[sha]
        if action in (None, 'revision'):
            return self.answer(200, dict(
                id=name, sha=sha, private=repository['private'],
                siblings=[dict(rfilename=file) for file in files]))
        if action == 'tree':
            return self.answer(200, [dict(type='file', path=file, size=len(content), oid='0' * 40)
                                     for file, content in files.items()])
        if action == 'preupload':
            return self.answer(200, dict(files=[
                dict(path=each['path'], uploadMode='regular', shouldIgnore=False, oid=None)
                for each in json.loads(body)['files']]))
        if action == 'commit':
            return self.commit(name, revision, files, body)
        content = files.get(file)
        if content is None:
            return self.answer(404, dict(error='Entry not found'), X_Error_Code='EntryNotFound')
        etag = hashlib.sha1(content).hexdigest()
        return self.answer(200, content, ETag=f'"{etag}"', X_Repo_Commit=sha)

    def commit(self, name: str, branch: str, files: dict[str, bytes], body: bytes) -> None:
        files = dict(files)
        for line in map(json.loads, body.splitlines()):
            value = line['value']
            if line['key'] == 'file':
                files[value['path']] = base64.b64decode(value['content'])
            elif line['key'] == 'deletedFile':
                del files[value['path']]
        sha = self.hub.repositories[name]['branches'][branch] = self.hub.commit(files)
        self.answer(200, dict(commitUrl=f'http://{self.headers["Host"]}/{name}/commit/{sha}',
                              commitOid=sha, success=True))

    do_GET = do_HEAD = do_POST = handle_request      # noqa: N815  http.server's names


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, a token of its only user, and an empty cache; all commands of the test use them."""
    constants = pytest.importorskip('huggingface_hub').constants
    handler = type('Handler', (_Handler,), dict(hub=Hub()))
    server = ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f'http://127.0.0.1:{server.server_port}'
    monkeypatch.setattr(constants, 'ENDPOINT', address)
    monkeypatch.setattr(constants, 'HUGGINGFACE_CO_URL_TEMPLATE',
                        f'{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}')
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setattr(constants, 'HF_TOKEN_PATH', str(tmp_path / 'token'))
    monkeypatch.setattr(constants, 'HF_HUB_DISABLE_XET', True)
    monkeypatch.setenv('HF_TOKEN', TOKEN)
    handler.hub.server = server                      # type: ignore[attr-defined]
    yield handler.hub
    server.shutdown()
    server.server_close()
