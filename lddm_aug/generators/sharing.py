"""Packages to the Hugging Face Hub and back, without the names of the groups."""
from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lddm_aug.generators.hub import PREFIX, download, parse_name, upload
from lddm_aug.generators.model_card import (
    FIGURES,
    HOLDING_CLIPS,
    MODEL_CARD,
    model_card,
    read_figures,
)
from lddm_aug.generators.package import (
    CARD,
    GROUPS,
    WEIGHTS,
    load_package,
    put_package,
    read_card,
    refuse_foreign_folder,
)

SHARED = (CARD, WEIGHTS, FIGURES)                    # and the model card; never the groups' names


def push_package(folder: str | Path, name: str, public: bool = False, revision: str | None = None
                 ) -> str:
    """Upload a package, whole and in one commit; the address of this version.

    What goes is named in `SHARED`: no group's name and no path goes.  The model card goes with the
    name under which the package is found there.

    Args:
        folder: of the package.
        name: user/name on the Hub; it is made where it isn't there.
        public: let everybody read it; else those whom the owner lets.
        revision: a branch, by default `main`.

    Raises:
        ValueError: if the package is damaged, it holds training clips and `public` is given, or
            the Hub refuses: see `upload`.
        ConnectionError: if the Hub can't be reached.
    """
    folder = Path(folder)
    name, at = parse_name(name)
    revision = revision or at
    load_package(folder)                             # damaged ones stay here
    package = read_card(folder)
    kind = package['generator']['type']
    if public and kind in HOLDING_CLIPS:
        raise ValueError(f'push: the weights of a {kind} hold clips of its training videos, which '
                         'everybody could decode; leave out --public')
    with tempfile.TemporaryDirectory() as aside:
        for file in SHARED:
            if (folder / file).is_file():
                shutil.copy(folder / file, aside)
        source = f'{PREFIX}{name}{f"@{revision}" if revision else ""}'
        (Path(aside) / MODEL_CARD).write_text(model_card(folder, package, source),
                                              encoding='utf-8')
        return upload(Path(aside), name, revision, public, stale=SHARED,
                      message=f'{kind} {package["sha256"][:12]}')


def pull_package(name: str, folder: str | Path, revision: str | None = None) -> Path:
    """Download a package into a folder of its own, and check it.

    Where the folder has the same package, its card and figures are brought up to date, and the
    names of the groups stay.

    Raises:
        ValueError: if the folder holds anything else, or what is there is no whole package.
        ConnectionError: if the Hub can't be reached and the cache doesn't have it.
    """
    folder = Path(folder)
    name, at = parse_name(name)
    refuse_foreign_folder(folder)
    source = download(name, revision or at)
    sha256 = load_package(source).package_sha256     # checks package.json and the weights
    read_figures(source, read_card(source))
    put_package(folder, [source / file for file in (*SHARED, MODEL_CARD, GROUPS)], sha256)
    return folder
