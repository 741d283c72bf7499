"""Answers this machine's own pages only."""
from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

HOST = '127.0.0.1'
HOSTS = [HOST, 'localhost']                          # other names would lead a foreign page here
SCRIPTS = ('common.js', 'clip.js', 'store.js')
HEADERS = {
    'Content-Security-Policy': "default-src 'self'; img-src 'self' data:; "
                               "style-src 'unsafe-inline'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
}
HERE = Path(__file__).parent
QUALITY = 95                                         # of WebP: who judges clips must see no blocks


def local_app(routes: Sequence[BaseRoute]) -> Starlette:
    """A web application with these routes and the pages' scripts."""
    scripts = [Route(f'/{name}', _script) for name in SCRIPTS]
    return Starlette(routes=[*routes, *scripts], middleware=[
        Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS), Middleware(_OwnPagesOnly)])


def serve(app: Starlette, port: int) -> None:
    """Serve to this machine until Ctrl-C.

    Args:
        port: 0 takes a free one.

    Raises:
        ValueError: if the port can't be had.
    """
    with socket.socket() as listening, suppress(KeyboardInterrupt):
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise ValueError(f'--port {port} cannot be had ({error}); name another one, or 0 for '
                             'one that is free') from error
        listening.listen()
        print(f'http://{HOST}:{listening.getsockname()[1]}/ is ready; Ctrl-C ends it', flush=True)
        make_server(app).run(sockets=[listening])


def make_server(app: Starlette) -> uvicorn.Server:
    """It leaves logging as it is: uvicorn's own set-up closes the log files of a training."""
    return uvicorn.Server(uvicorn.Config(app, log_config=None, log_level='warning', lifespan='off',
                                         ws='none', server_header=False))


def problem(text: object, status: int = 400) -> JSONResponse:
    """An answer that the page shows as its message."""
    return JSONResponse(dict(message=str(text)), status)


async def read_body(request: Request, max_bytes: int) -> bytes:
    """What was sent.

    Raises:
        ValueError: if it is larger; the rest is not read.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise ValueError(f'the file is larger than {max_bytes >> 20} MiB')
    return bytes(body)


class _OwnPagesOnly(BaseHTTPMiddleware):
    """Refuses what the page of another site sends, which is open in the same browser."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        origin = request.headers.get('origin')
        if origin is not None and urlsplit(origin).netloc != request.headers.get('host'):
            return problem('only pages of this server may call it', 403)
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response


def _script(request: Request) -> Response:
    return FileResponse(HERE / request.url.path.removeprefix('/'), media_type='text/javascript')
