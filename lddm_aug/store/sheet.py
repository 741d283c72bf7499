"""The contact sheet of a store."""
from __future__ import annotations

import numpy as np
import pyarrow as pa
from PIL import Image

from lddm_aug.files import atomic_write
from lddm_aug.store.manifest import CONTACT_SHEET
from lddm_aug.store.on_disk import counted
from lddm_aug.store.writer import StoreWriter
from lddm_aug.visualization.contact_sheet import contact_sheet

CLIPS_ON_SHEET = 12


def write_contact_sheet(store: StoreWriter, seed: int) -> None:
    """Write `contact_sheet.png` into a store: some of its clips, drawn by a seed."""
    made = store.made
    if not len(made):                                # a shard without stills
        return
    draws = counted(len(made), store.folder)         # a permutation of them
    np.random.default_rng(seed).shuffle(draws)
    places = made[np.sort(draws[:CLIPS_ON_SHEET])].tolist()
    labels, ids = (store.rows[name].take(pa.array(places)).to_pylist()
                   for name in ('label', 'clip_id'))
    captions = [f'{label}   {clip_id}' for label, clip_id in zip(labels, ids, strict=True)]
    sheet = contact_sheet([store.read_clip(place) for place in places], captions)
    with atomic_write(store.folder / CONTACT_SHEET) as file:
        Image.fromarray(sheet).save(file, format='PNG')
