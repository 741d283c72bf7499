"""How many items are how: counts that name no file, and a chart of them."""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lddm_aug.files import atomic_write
from lddm_aug.visualization.interval_chart import Bar, draw_values

FAULTS = {'unreadable': 'unreadable', 'empty': 'empty', 'too short': 'too short',
          'constant': 'videos in which nothing moves',
          'marked': 'marked with text or callipers, by a simple heuristic'}
DRAWN = {'in_sets': 'show the same as another', 'redundant': 'redundant',
         'exact': 'equal in every pixel', 'marked': 'marked with text or callipers',
         'unreadable': 'unreadable', 'empty': 'empty', 'too short': 'too short',
         'constant': 'nothing moves'}


def count_findings(found: Mapping[str, Any]) -> dict[str, int]:
    """Of the findings of `audit`: items, copies, scans under two labels, leaks, and each fault."""
    kinds = Counter(fault['kind'] for fault in found['faults'])
    return {**found['counts'], 'two_labels': len(found['two_labels']),
            'leaks': len(found['leaks']), **{kind: kinds[kind] for kind in FAULTS}}


def write_counts(file: Path, counts: Mapping[str, int]) -> None:
    """Write the counts as JSON, and beside them a chart as SVG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for path, text in ((file, json.dumps(counts, indent=1) + '\n'),
                       (file.with_suffix('.svg'), draw_counts(counts))):
        with atomic_write(path) as opened:
            opened.write(text.encode())


def draw_counts(counts: Mapping[str, int]) -> str:
    """Shares of all items in percent; what the audit didn't find is left out."""
    items = max(counts['items'], 1)
    return draw_values([Bar(name, 100 * counts[key] / items,
                            shown=f'{counts[key]} ({counts[key] / items:.1%})')
                        for key, name in DRAWN.items() if counts[key]],
                       f'% of {counts["items"]} items', 'What the audit found')
