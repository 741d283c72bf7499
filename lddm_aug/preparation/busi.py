"""BUSI (Al-Dhabyani et al. 2020): stills of breast lesions and their masks.

    benign/benign (1).png, benign (1)_mask.png, and for further lesions _mask_1.png ...

It doesn't contain patients.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lddm_aug.data.frames import Pixels, UnreadableFileError, inspect, read_still, to_channels
from lddm_aug.preparation.endings import is_read, role_of
from lddm_aug.preparation.folder import MASK
from lddm_aug.preparation.groups import OwnGroup
from lddm_aug.preparation.levels import find_levels
from lddm_aug.preparation.listing import (
    BAD,
    EXCLUDED,
    STILL,
    Item,
    LeftOut,
    Listing,
    Recording,
)
from lddm_aug.preparation.names import reason_of
from lddm_aug.preparation.source_folder import SourceFolder, stamp

NORMAL = 'normal'
CLASSES = ('benign', 'malignant', NORMAL)


def list_busi(root: str | Path, normals: bool = True,
              lesion_margin: float | None = None) -> Listing:
    """The stills, each with its masks merged into one.

    Args:
        root: contains the folders benign, malignant and perhaps normal; a folder around them is
            ignored, and folders train, val and test become the split.
        normals: keep stills of the class normal, which have no lesion.
        lesion_margin: crop to a square around the lesion, enlarged by this share of its longer
            side on every side; stills without a mask aren't cropped.  None for no crop.

    Raises:
        FileNotFoundError: if there is no picture in such a folder.
        ValueError: if the margin is negative, or the folders are ambiguous.
    """
    if lesion_margin is not None and lesion_margin < 0:
        raise ValueError('the margin around a lesion is a share of its size and not negative, '
                         f'but got {lesion_margin!r}')
    source = SourceFolder(root)
    listing = Listing(settings={'source': 'busi', 'lesion_margin': lesion_margin})
    listing.notes.append(OwnGroup().note)
    masked = merged = 0
    walked = list(source.walk(listing.left_out))
    levels = find_levels(((here.relative_to(source.root).parts, any(map(is_read, files)))
                          for here, files in walked), notes=listing.notes)
    for here, files in walked:
        files = [file for file in files if role_of(file) == STILL]
        place = levels.read(here.relative_to(source.root).parts)
        if place is None or place[0].lower() not in CLASSES:
            listing.left_out += [LeftOut(source.name(file), EXCLUDED, 'lies in no folder '
                                         f'{", ".join(CLASSES)}') for file in files]
            continue
        label, split, _ = place
        for still, masks in _with_masks(source, files, listing).items():
            if label.lower() == NORMAL and not normals:
                listing.left_out += [LeftOut(source.name(file), EXCLUDED, 'shows no lesion')
                                     for file in (still, *masks)]
                continue
            try:
                listing.items.append(_item(source, still, label, split, masks, lesion_margin))
            except OSError as error:
                listing.left_out.append(LeftOut(source.name(still), BAD,
                                                reason_of(error, source.root)))
                continue
            masked += bool(masks)
            merged += len(masks) > 1
    listing.notes.append(f'masks: {masked} of {len(listing.items)} stills have one, {merged} of '
                         'them have several, which are merged')
    if not listing.items and not any(each.reason == 'shows no lesion' or each.kind == BAD
                                     for each in listing.left_out):
        raise FileNotFoundError(f'{source.root} has no pictures in folders {", ".join(CLASSES)}, '
                                'so it is no BUSI')
    return source.complete(listing)


def _with_masks(source: SourceFolder, files: Sequence[Path],
                listing: Listing) -> dict[Path, list[Path]]:
    """Still → its masks, of a folder's files; masks without a still are added to the listing."""
    masks: dict[str, list[Path]] = defaultdict(list)
    for file in files:
        if match := MASK.fullmatch(file.stem):
            masks[match['still']].append(file)
    stills = [file for file in files if not MASK.fullmatch(file.stem)]
    for lonely in sorted(masks.keys() - {file.stem for file in stills}):
        listing.left_out += [LeftOut(source.name(mask), BAD, 'is a mask without its still')
                             for mask in masks[lonely]]
    return {still: masks.get(still.stem, []) for still in stills}


def _item(source: SourceFolder, still: Path, label: str, split: str, masks: list[Path],
          lesion_margin: float | None) -> Item:
    def open_() -> Recording:
        for path in (still, *masks):
            inspect(path)
        pixels = read_still(still)
        if not masks:
            return Recording(iter([pixels]))
        mask = merge_masks(still, pixels, masks)
        if lesion_margin is not None and mask.any():
            window = around_lesion(mask, lesion_margin)
            pixels, mask = pixels[window], mask[window]
        return Recording(iter([pixels]), mask=np.where(mask, 255, 0).astype(np.uint8))

    group = OwnGroup()(still.relative_to(source.root).as_posix())
    item = source.item(still, label, group, STILL, split, frames=(still, *masks))
    return replace(item, stamp=stamp(still, *masks), open=open_)


def merge_masks(still: Path, pixels: Pixels, masks: list[Path]) -> NDArray[np.bool_]:
    """(H, W), true where a mask is white."""
    read = [to_channels(read_still(mask), 1) > 127 for mask in masks]
    for mask, path in zip(read, masks, strict=True):
        if mask.shape != pixels.shape[:2]:
            raise UnreadableFileError(f'{path} has the shape {mask.shape}, but {still.name} has '
                                      f'{pixels.shape[:2]}')
    return np.any(read, axis=0)


def around_lesion(mask: NDArray[np.bool_], margin: float) -> tuple[slice, slice]:
    """Rows and columns of a square around the true pixels of (H, W), clipped at the border."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    height, width = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    side = max(height, width) * (1 + 2 * margin)

    def window(first: int, length: int, limit: int) -> slice:
        start = first + length / 2 - side / 2
        return slice(max(0, round(start)), min(limit, round(start + side)))

    return (window(rows[0], height, mask.shape[0]), window(columns[0], width, mask.shape[1]))
