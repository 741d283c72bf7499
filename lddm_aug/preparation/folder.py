"""Videos and stills in class folders."""
from __future__ import annotations

from pathlib import Path

from lddm_aug.preparation.groups import OwnGroup
from lddm_aug.preparation.listing import BAD, EXCLUDED, STILL, VIDEO, LeftOut, Listing
from lddm_aug.preparation.source_folder import SourceFolder, role_of


def list_folder(root: str | Path, label: str | None = None, group_pattern: str | None = None,
                fps: float | None = None) -> Listing:
    """What lies in `class/anything.mp4`, `class/anything.png` and `class/video/frames.png`.

    A file that is a video is one wherever it lies below its class.  Pictures right in a class
    folder are stills; those of any folder below it are the frames of one video.

    Args:
        root: holds a folder for each class.
        label: class of everything; then `root` takes the place of a class folder.
        group_pattern: regular expression for groups; see OwnGroup.
        fps: frames per second of videos that don't say, like folders of frames.
    """
    source = SourceFolder(root)
    group_of = OwnGroup(group_pattern)
    listing = Listing(notes=[group_of.note], settings={'source': 'folder', 'fps': fps},
                      root=source.root)
    for here, files in source.walk(listing.left_out):
        parts = here.relative_to(source.root).parts
        stills = [file for file in files if role_of(file) == STILL]
        if label is None and not parts:
            listing.left_out += [LeftOut(source.name(file), EXCLUDED, 'lies in no class folder')
                                 for file in files if role_of(file)]
            continue
        name = label or parts[0]
        below_class = len(parts) - (label is None)
        if stills and below_class:
            paths = [(here, VIDEO), *((f, VIDEO) for f in files if role_of(f) == VIDEO)]
        else:
            paths = [(file, role) for file in files if (role := role_of(file))]
        for path, role in paths:
            try:
                group = group_of(source.name(path))
            except ValueError as error:
                listing.left_out.append(LeftOut(source.name(path), BAD, str(error)))
                continue
            listing.items.append(source.item(path, name, group, role, fps=fps))
    return listing
