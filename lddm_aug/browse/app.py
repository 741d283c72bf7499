"""A generator or a store → its web application."""
from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette

from lddm_aug.browse.clip_page import ClipPage
from lddm_aug.browse.server import local_app
from lddm_aug.browse.store_page import StorePage
from lddm_aug.generators.hub import is_on_hub
from lddm_aug.generators.package import CARD, load_package
from lddm_aug.store.manifest import MANIFEST, OLD_MANIFEST, PLAN


def make_app(source: str, device: str = 'cpu', keep: str | None = None,
             good_only: bool = False) -> Starlette:
    """The application of a package or a store, whichever the folder is.

    Args:
        source: the folder, or a package's name on the Hub.
        device: where clips are made.
        keep, good_only: of a store; see `ClipFlags`.

    Raises:
        FileNotFoundError: if it is neither, or unfinished.
        ValueError: if it is damaged, or keep or good_only is given for a package.
    """
    if any((Path(source) / name).is_file() for name in (MANIFEST, OLD_MANIFEST, PLAN)):
        return local_app(StorePage(source, keep, good_only).routes)
    if not is_on_hub(source) and not (Path(source) / CARD).is_file():
        raise FileNotFoundError(f'{source} is neither a generator package, which has {CARD}, nor a '
                                f'store of clips, which has {MANIFEST}; make one with lddm-aug '
                                'train-generator or lddm-aug synthesize')
    if keep is not None or good_only:
        raise ValueError(f'{"--good-only" if keep is None else "--keep"}: clips of a store can be '
                         f'flagged, but {source} is a package; name a store, or leave it out')
    return local_app(ClipPage(load_package(source, device), source).routes)
