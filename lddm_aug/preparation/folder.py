"""Videos and stills in class folders."""
from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lddm_aug.preparation.endings import is_read, role_of
from lddm_aug.preparation.groups import OwnGroup
from lddm_aug.preparation.levels import Levels, find_levels
from lddm_aug.preparation.listing import BAD, EXCLUDED, STILL, VIDEO, LeftOut, Listing
from lddm_aug.preparation.names import reason_of
from lddm_aug.preparation.source_folder import SourceFolder

MASK = re.compile(r'(?P<still>.+)_mask(_\d+)?', re.IGNORECASE)


def list_folder(root: str | Path, label: str | None = None, group_pattern: str | None = None,
                fps: float | None = None, levels: Levels | None = None) -> Listing:
    """The items of `class/anything.mp4`, `class/anything.png` and `class/video/frames.png`.

    Video files are videos at any depth below their class.  Pictures directly in a class folder are
    stills; those of a folder below it are the frames of one video.  Folders train, val and test,
    above the classes or directly below them, become the split; a folder around all is ignored.

    Args:
        root: contains a folder for each class.
        label: class of all items; then `root` replaces the class folder.
        group_pattern: regular expression for groups; see OwnGroup.
        fps: frames per second of videos without a rate, such as folders of frames.
        levels: meaning of the folders; by default derived from their names and content.

    Raises:
        ValueError: if the folders are ambiguous.
    """
    source = SourceFolder(root)
    group_of = OwnGroup(group_pattern)
    listing = Listing(notes=[group_of.note], settings={'source': 'folder', 'fps': fps})
    walked = list(source.walk(listing.left_out))
    levels = levels or find_levels(((here.relative_to(source.root).parts, any(map(is_read, files)))
                          for here, files in walked), label is not None, listing.notes)
    for here, files in walked:
        files = [file for file in files if is_read(file)]
        place = levels.read(here.relative_to(source.root).parts)
        if place is None:
            listing.left_out += [LeftOut(source.name(file), EXCLUDED, 'is in no class folder')
                                 for file in files]
            continue
        name, split, below = place
        for path, role, frames in _find(source, here, files, not below, listing):
            try:
                if not (label or name):
                    raise ValueError('its class is a blank name')
                group = group_of(path.relative_to(source.root).as_posix())
                listing.items.append(source.item(path, label or name, group, role, split, fps,
                                                 frames))
            except (ValueError, OSError) as error:
                listing.left_out.append(LeftOut(source.name(path), BAD,
                                                reason_of(error, source.root)))
    return source.complete(listing)


def _find(source: SourceFolder, here: Path, files: Sequence[Path], is_class: bool,
          listing: Listing) -> list[tuple[Path, str, Sequence[Path]]]:
    """Path, role and frames of the items of a folder; notes are added to the listing.

    Args:
        source: of the folder.
        here: the folder.
        files: of the folder.
        is_class: whether it is a class folder, whose pictures are stills and not frames.
        listing: for notes and files left out.
    """
    roles = {file: role_of(file) for file in files}
    stills = [file for file in files if roles[file] == STILL]
    masks = _masks(stills)
    found: list[tuple[Path, str, Sequence[Path]]] = [
        (file, VIDEO, ()) for file in files if roles[file] == VIDEO]
    if is_class:
        listing.left_out += [LeftOut(source.name(mask), EXCLUDED, 'is named like the mask of a '
                                     'still, and only the command busi reads masks')
                             for mask in masks]
        found += [(still, STILL, ()) for still in stills if still not in masks]
    elif masks:
        listing.left_out.append(LeftOut(source.name(here), BAD, 'has masks among its frames, '
                                        f'such as {masks[0].name}; move them elsewhere'))
    elif stills:
        found.insert(0, (here, VIDEO, stills))
        if len({re.sub(r'\d+', '', still.name) for still in stills}) > 1:
            listing.notes.append(f'{source.name(here)}: the names of its frames differ in more '
                                 'than a number; are they of one video?')
    return found


def _masks(stills: Sequence[Path]) -> list[Path]:
    """Masks of other stills by their names: a_mask.png of a.png."""
    stems = {still.stem for still in stills}
    return [still for still in stills
            if (match := MASK.fullmatch(still.stem)) and match['still'] in stems]
