"""Share a trained generator over the Hugging Face Hub, or write its model card.

    lddm-aug package card work_dirs/lddm/phantom/package --license cc-by-nc-4.0
    lddm-aug package push work_dirs/lddm/phantom/package user/phantom
    lddm-aug package pull user/phantom phantom_package
"""
from __future__ import annotations

import argparse
from pathlib import Path

from lddm_aug.commands.arguments import add_step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the steps push, pull and card."""
    steps = parser.add_subparsers(dest='step', required=True, metavar='STEP')
    push = add_step(steps, 'push', """Upload a package, without the names of its groups.

    lddm-aug package push work_dirs/lddm/phantom/package user/phantom

The repository is private, so that only you can read it, unless you give --public: a generator
can memorise the patients that it was trained on.""")
    push.add_argument('package', type=Path, metavar='PACKAGE', help='folder of a trained generator')
    push.add_argument('name', metavar='USER/NAME', help='on the Hub; made where it is not there')
    push.add_argument('--public', action='store_true', help='let everybody read it')
    push.add_argument('--revision', metavar='BRANCH', help='default: main')
    pull = add_step(steps, 'pull', """Download a package into a folder, and check it.

    lddm-aug package pull user/phantom phantom_package

Where a command takes a package, hf://user/phantom does as well, without a folder of its own.""")
    pull.add_argument('name', metavar='USER/NAME', help='on the Hub')
    pull.add_argument('folder', type=Path, metavar='DIR',
                      help='a new folder, or one that has the same package')
    pull.add_argument('--revision', metavar='REVISION',
                      help='a branch, a tag or a commit; default: the newest')
    card = add_step(steps, 'card', """Write a package's model card, README.md, anew.

    lddm-aug package card work_dirs/lddm/phantom/package --license cc-by-nc-4.0

What you wrote below its last line stays.""")
    card.add_argument('package', type=Path, metavar='PACKAGE', help='folder of a trained generator')
    card.add_argument('--license', metavar='ID',
                      help="of the weights, by the Hub's identifier, as cc-by-nc-4.0; default: the "
                           "card's")


def run(args: argparse.Namespace) -> None:
    """Upload a package, download one, or write its model card."""
    from lddm_aug.generators.model_card import MODEL_CARD, write_model_card
    from lddm_aug.generators.package import read_card
    from lddm_aug.generators.sharing import pull_package, push_package

    if args.step == 'card':
        write_model_card(args.package, read_card(args.package), args.license)
        print(args.package / MODEL_CARD)
    elif args.step == 'push':
        print(push_package(args.package, args.name, args.public, args.revision))
    else:
        folder = pull_package(args.name, args.folder, args.revision)
        print(f'{folder} ({read_card(folder)["sha256"][:12]})')
