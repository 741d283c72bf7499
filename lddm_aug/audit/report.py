"""Findings → one HTML page, with the pictures side by side."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lddm_aug.audit.counts import FAULTS, count_findings
from lddm_aug.audit.duplicates import HASH_DISTANCE, SAME
from lddm_aug.audit.fingerprint import BITS, FRAMES
from lddm_aug.data.frames import UnreadableFileError, letterbox, read_still, to_channels
from lddm_aug.files import atomic_write
from lddm_aug.visualization.previews import data_uri, encode_webp, render_page

SIDE = 176                  # pixels of a picture
MAX_PICTURES = 1500         # in all; browsers don't open pages with more
MAX_OF_A_SET = 8
MAX_MARKED = 48


def write_report(path: Path, found: Mapping[str, Any]) -> None:
    """Write the findings of `audit` as a self-contained page."""
    remaining = [MAX_PICTURES]

    def picture(place: int, frame: int) -> dict[str, Any]:
        item = found['items'][place]
        remaining[0] -= 1
        return dict(name=item['name'], side=item['side'], label=item['label'],
                    group=item['group'],
                    image=_picture(item, frame) if remaining[0] >= 0 else None)

    def show(same: Mapping[str, Any]) -> dict[str, Any]:
        members = same['items']
        return dict(kind=same['kind'], labels=same['labels'], likeness=same['least_likeness'],
                    left_off=max(0, len(members) - MAX_OF_A_SET),
                    pictures=[picture(member['place'], member['shown_frame'])
                              for member in members[:MAX_OF_A_SET]])

    by_weight = sorted(found['same'], key=lambda same: (
        -len({found['items'][member['place']]['side'] for member in same['items']}),
        -len(same['labels'])))
    faults = [fault for fault in found['faults'] if fault['kind'] != 'marked']
    marked = [fault for fault in found['faults'] if fault['kind'] == 'marked']
    page = render_page(
        Path(__file__).with_name('audit.html'),
        tables=sorted({item['table'] for item in found['items']}),
        counts=found['counts'], leaks=found['leaks'], summary=summarize(found),
        two_labels=[show(same) for same in by_weight if len(same['labels']) > 1],
        same=[show(same) for same in by_weight if len(same['labels']) == 1],
        faults=[dict(**fault, name=found['items'][fault['place']]['name']) for fault in faults],
        marked_count=len(marked),
        marked=[dict(what=fault['what'], **picture(fault['place'], _middle(found, fault['place'])))
                for fault in marked[:MAX_MARKED]],
        balance=found['balance'], shares=found['synthetic_shares'],
        hash_distance=HASH_DISTANCE, bits=BITS, likeness=SAME, frames=FRAMES)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(page.encode())


def summarize(found: Mapping[str, Any]) -> list[str]:
    """Messages about the findings, the most severe first."""
    counts = count_findings(found)
    lines = []
    if found['leaks']:
        lines.append(f'LEAKAGE: {len(found["leaks"])} groups or pictures are in training and in '
                     'test.')
    elif any(item['side'] for item in found['items']):
        lines.append('No leakage found between training and test.')
    else:
        lines.append('The data is not divided into training and test yet, so nothing leaks; put '
                     'the same pictures on one side (lddm-aug split --audit).')
    lines.append(f'{counts["in_sets"]} of {counts["items"]} items have the picture of another one, '
                 f'in {counts["sets"]} sets: {counts["redundant"]} '
                 f'({counts["redundant"] / counts["items"]:.1%}) are redundant, '
                 f'{counts["exact"]} of them equal in every pixel.')
    if counts['two_labels']:
        lines.append(f'{counts["two_labels"]} scans have more than one label.')
    lines += [f'{counts[kind]} items are {how}.' for kind, how in FAULTS.items() if counts[kind]]
    return lines


def _middle(found: Mapping[str, Any], place: int) -> int:
    item = found['items'][place]
    return 0 if item['still'] else item['frames'] // 2


def _picture(item: Mapping[str, Any], frame: int) -> str | None:
    try:
        still = item['still']
        pixels = read_still(item['path'], item['frame'] if still else frame)
    except (UnreadableFileError, FileNotFoundError):
        return None
    shown = letterbox(to_channels(pixels, 3), SIDE)
    return data_uri('image/webp', encode_webp(shown[None]))
