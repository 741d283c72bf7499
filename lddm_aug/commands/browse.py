"""Show what a generator makes, or what a store holds, on a page of this machine.

    lddm-aug browse work_dirs/lddm/phantom/package       drop in a still, and see its clip
    lddm-aug browse work_dirs/synthetic/phantom_lddm     look through clips, flag good and bad ones

The page is served to this machine only.  Flags make a keep file beside the store, which
SyntheticClipDataset(keep=...) reads; see docs/browse.md.
"""
from __future__ import annotations

import argparse

from lddm_aug.commands.arguments import A_PACKAGE, add_device, at_least
from lddm_aug.extras import require_extra


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the package or the store, the port and the keep file."""
    parser.add_argument('source', metavar='PACKAGE|STORE',
                        help=f'{A_PACKAGE}; or the folder of a store')
    parser.add_argument('--port', type=at_least(0), default=8765, metavar='N',
                        help='of the page on 127.0.0.1; 0 takes a free one; default: %(default)s')
    parser.add_argument('--keep', metavar='JSON',
                        help='of a store: the keep file; default: STORE.keep.json')
    parser.add_argument('--good-only', action='store_true',
                        help='keep the clips flagged good; without it, all but those flagged bad')
    add_device(parser)


def run(args: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    require_extra('browse', 'lddm-aug browse')
    from lddm_aug.browse.app import make_app
    from lddm_aug.browse.server import serve

    serve(make_app(args.source, args.device, args.keep, args.good_only), args.port)
