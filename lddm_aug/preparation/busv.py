"""BUSV (Lin et al., MICCAI 2022): breast sweeps as folders of frames.

    rawframes/{benign,malignant}/{video}/000000.png
    imagenet_vid_train_15frames.json, imagenet_vid_val.json    COCO-VID; the official split

It doesn't contain patients.  Its known faults are in busv_errata.csv, each with its source.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from lddm_aug.json_files import read_json
from lddm_aug.preparation.errata import Erratum, apply_errata
from lddm_aug.preparation.folder import list_folder
from lddm_aug.preparation.levels import Levels
from lddm_aug.preparation.listing import ABSENT, BAD, VIDEO, LeftOut, Listing
from lddm_aug.preparation.source_folder import SourceFolder

ERRATA = Path(__file__).with_name('busv_errata.csv')
FRAMES = 'rawframes'
COCO_VID = {'images': [{'file_name': str}], 'annotations?': [{'bbox': [float]}]}
SPLITS = {'train': 'train', 'val': 'test', 'test': 'test'}           # part of a json's name → split


def list_busv(root: str | Path, errata: Sequence[Erratum], fps: float | None = None) -> Listing:
    """The videos with corrected errata, and with the official split if its json files exist.

    Args:
        root: contains rawframes and the json files.
        errata: corrections.
        fps: frames per second; BUSV doesn't contain them.

    Raises:
        FileNotFoundError: if there is no folder rawframes.
        ValueError: if a json file is damaged.
    """
    source = SourceFolder(root)
    outer: list[LeftOut] = []
    holding = [here for here, _ in source.walk(outer) if (here / FRAMES).is_dir()]
    if not holding:
        raise FileNotFoundError(f'{source.root} has no folder {FRAMES}, so it is no BUSV')
    root = min(holding, key=lambda here: len(here.parts))
    listing = list_folder(root / FRAMES, fps=fps, levels=Levels())
    if root != source.root:
        listing.notes.append(f'{FRAMES} is in {source.name(root)}, which is used as the source')
    listing.settings['source'] = 'busv'
    stray = [item for item in listing.items if item.role != VIDEO]
    listing.left_out += [LeftOut(item.source, BAD, 'is no folder of frames') for item in stray]
    listing.items = [item for item in listing.items if item.role == VIDEO]
    splits, read = _read_splits(root, listing)
    listing.items = [replace(item, split=splits.get(item.source, '')) for item in listing.items]
    _add_other_files(listing, source, root, outer, read)
    return apply_errata(listing, errata)


def _add_other_files(listing: Listing, source: SourceFolder, root: Path,
                          left_out: Sequence[LeftOut], read: Sequence[Path]) -> None:
    """Add all files of the source outside rawframes to the listing."""
    folder = (root / FRAMES).resolve()
    frames = source.name(folder if folder.is_relative_to(source.root) else root / FRAMES) + '/'
    found = listing.found or {}
    for file in read:
        source.found[source.name(file)] = 'contains the official split, not pictures'
    for name, reason in source.found.items():
        if not name.startswith(frames):
            found[name if name not in found else f'../{name}'] = reason
    listing.left_out += [each for each in left_out if not each.source.startswith(frames)
                         and each.source != frames[:-1]]


def _read_splits(root: Path, listing: Listing) -> tuple[dict[str, str], list[Path]]:
    """Video → split, and the files of it; missing videos are added to the listing."""
    splits: dict[str, str] = {}
    read: list[Path] = []
    files = sorted(file for file in root.glob('*.json') if not file.name.startswith('.'))
    found = {item.source for item in listing.items}
    faulty = missing = 0
    for file in files:
        split = next((SPLITS[word] for word in SPLITS if word in file.stem), None)
        if split is None:
            continue
        names, boxes = _read_coco(file)
        read.append(file)
        for name in names:
            video = str(PurePosixPath(name).parent)
            if splits.setdefault(video, split) != split:
                raise ValueError(f'{file.name}: {video} is also in another split')
            missing += video in found and not (root / FRAMES / name).is_file()
        faulty += sum(width <= 0 or height <= 0 for _, _, width, height in boxes)
    listing.left_out += [LeftOut(video, ABSENT, f'is in a json file, but not in {FRAMES}')
                         for video in sorted(splits.keys() - found)]
    if not splits:
        listing.notes.append('no official split: there is no json file for train or val')
    else:
        unsplit = len(found - splits.keys())
        listing.notes.append(
            f'official split: {sum(split == "train" for split in splits.values())} train, '
            f'{sum(split == "test" for split in splits.values())} test; {unsplit} videos are in '
            f'neither; {missing} frames are missing; {faulty} boxes have sides that are not '
            'positive (boxes are not used)')
    return splits, read


def _read_coco(file: Path) -> tuple[list[str], list[list[float]]]:
    """Names of the frames, relative to rawframes, and boxes (x, y, width, height)."""
    advice = ('so that it is no COCO-VID file; remove it to omit the official split, or download '
              'it again')
    content = read_json(file, COCO_VID, advice)
    names = [image['file_name'].replace('\\', '/').removeprefix(f'{FRAMES}/')
             for image in content['images']]
    boxes = [box['bbox'] for box in content.get('annotations', ())]
    if any(len(box) != 4 for box in boxes):
        raise ValueError(f'{file} has a box without four numbers, {advice}')
    return names, boxes
