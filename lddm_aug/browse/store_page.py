"""Clips of a store, filtered and flagged."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lddm_aug.browse.flags import FLAGS, ClipFlags
from lddm_aug.browse.server import HERE, QUALITY, problem, read_body
from lddm_aug.data.frames import natural_key, to_channels
from lddm_aug.json_files import parse_json
from lddm_aug.store.manifest import Rows, read_manifest
from lddm_aug.visualization.previews import encode_webp, render_page

CLIPS_ON_PAGE = 24
UNFLAGGED = 'none'                                   # of a filter: clips without a flag
FILTERS = ('label', 'group', 'flag')


def select_rows(rows: Rows, flags: Mapping[str, str], chosen: Mapping[str, str]) -> Rows:
    """The rows of a manifest that a filter leaves.

    Args:
        flags: clip id → flag.
        chosen: label, group and flag; blank or missing for all.
    """
    left = np.ones(len(rows), bool)
    for name in ('label', 'group'):
        if chosen.get(name):
            left &= np.isin(np.arange(len(rows)), rows.where(name, chosen[name]))
    if flag := chosen.get('flag'):
        flagged = [clip_id for clip_id, each in flags.items() if flag in (each, UNFLAGGED)]
        has_flag = pc.is_in(rows.column('clip_id'), pa.array(flagged, pa.string())).to_numpy(
            zero_copy_only=False)
        left &= has_flag != (flag == UNFLAGGED)
    return rows.take(np.flatnonzero(left))


class StorePage:
    """The page of a store, its clips as pictures, and what flags them.

    Args:
        store: folder with its manifest.
        keep, good_only: see `ClipFlags`.

    Raises:
        FileNotFoundError: if there is no store, or it is unfinished.
        ValueError: if its manifest is damaged, or the flags are not of this store.
    """

    def __init__(self, store: str | Path, keep: str | Path | None = None,
                 good_only: bool = False) -> None:
        self.store = Path(store)
        self.manifest = read_manifest(store)
        self.rows = self.manifest.rows
        self.flags = ClipFlags(store, self.rows.column('clip_id').to_pylist(), keep, good_only)

    @property
    def routes(self) -> list[BaseRoute]:
        return [Route('/', self._page), Route('/flag', self._flag, methods=['POST']),
                Route('/{form:str}/{sha256:str}.webp', self._picture)]

    def set_flag(self, content: bytes) -> dict[str, str]:
        """Flag a clip → what the page says about all flags.

        Args:
            content: JSON with clip_id and flag, which is good, bad or null.

        Raises:
            ValueError: if it is anything else.
        """
        sent = parse_json(content, {'clip_id': str, 'flag': (str, None)}, 'a flag', 'send it again')
        return dict(summary=self.summary(self.flags.set(sent['clip_id'], sent['flag'])))

    def summary(self, flags: Mapping[str, str]) -> str:
        """How many clips have which flag, and what is kept."""
        counts = [f'{[*flags.values()].count(flag)} {flag}' for flag in FLAGS]
        counts.append(f'{len(self.rows) - len(flags)} without a flag')
        kept = (f'{self.flags.keep} keeps {len(self.flags.kept(flags))} of {len(self.rows)} clips'
                if self.flags.keep.exists() else
                f'the first flag writes {self.flags.keep}')
        return f'{", ".join(counts)}; {kept}'

    def render(self, query: Mapping[str, str]) -> str:
        """The page of a filter.

        Args:
            query: label, group, flag and page; wrong pages become the nearest right one.
        """
        flags = self.flags.read()
        chosen = {name: query.get(name, '') for name in FILTERS}
        found = select_rows(self.rows, flags, chosen)
        pages = max(1, -(-len(found) // CLIPS_ON_PAGE))
        number = query.get('page', '1')
        page = min(max(1, int(number)), pages) if number.isdecimal() and len(number) < 10 else 1
        return render_page(
            HERE / 'store.html', store=self.store, summary=self.summary(flags), flags=flags,
            names=FLAGS, chosen=chosen, found=len(found), page=page, pages=pages,
            rows=found[(page - 1) * CLIPS_ON_PAGE:page * CLIPS_ON_PAGE],
            options=dict(label=self._values('label'), group=self._values('group'),
                         flag=[*FLAGS, UNFLAGGED]),
            link=lambda page: '?' + urlencode({**chosen, 'page': page}))

    def picture(self, form: str, sha256: str) -> bytes:
        """A clip as a moving WebP, or its still.

        Raises:
            KeyError: if there is no such clip or form.
            FileNotFoundError, ValueError: if its shard is missing or damaged.
        """
        length = {'clips': None, 'stills': 1}[form]
        number = pc.index(self.rows.column('sha256'),
                          pa.scalar(bytes.fromhex(sha256), pa.binary(32))).as_py()
        if number < 0:
            raise KeyError(sha256)
        return encode_webp(to_channels(self.manifest.read_clip(number)[:length], 3), QUALITY)

    def _values(self, name: str) -> list[str]:
        return sorted(self.rows.values(name), key=natural_key)

    def _page(self, request: Request) -> Response:
        try:
            return HTMLResponse(self.render(request.query_params))
        except (ValueError, OSError) as error:       # of the flags
            return problem(error)

    def _picture(self, request: Request) -> Response:
        try:
            content = self.picture(**request.path_params)
        except (KeyError, ValueError, OSError) as error:
            return problem(error, 404)
        # named by its content, which never changes
        return Response(content, media_type='image/webp',
                        headers={'Cache-Control': 'private, max-age=31536000, immutable'})

    async def _flag(self, request: Request) -> Response:
        try:
            content = await read_body(request, 1 << 20)
            return JSONResponse(await run_in_threadpool(self.set_flag, content))
        except (ValueError, OSError) as error:
            return problem(error)
