"""BUSV and BUSI in the form in which they are downloaded, of simulated patients."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lddm_aug.preparation.phantom import draw_patient, lesion_masks, simulate_sweep

CLASSES = ('benign', 'malignant')
VIDEOS, STILLS, FRAMES = 5, 4, 48                    # of each class
HELD_OUT = 1                                         # of each class, in the official split


@pytest.fixture(scope='session')
def busv(tmp_path_factory) -> Path:
    """Ten sweeps as folders of frames, with the official split."""
    root = tmp_path_factory.mktemp('downloads') / 'BUSV'
    images: dict[str, list[dict]] = {'train_15frames': [], 'val': []}
    for label in CLASSES:
        for number in range(VIDEOS):
            name = f'{label}/{label[0]}{number:015x}'
            folder = root / 'rawframes' / name
            folder.mkdir(parents=True)
            for place, frame in enumerate(simulate_sweep(draw_patient(name, label), FRAMES, 64)):
                Image.fromarray(np.asarray(frame)).save(folder / f'{place:06d}.png')
            part = images['val' if number < HELD_OUT else 'train_15frames']
            part += [{'id': len(part) + place, 'file_name': f'{name}/{place:06d}.png'}
                     for place in range(FRAMES)]
    for part, listed in images.items():
        (root / f'imagenet_vid_{part}.json').write_text(
            json.dumps({'images': listed, 'annotations': [], 'categories': []}))
    return root


@pytest.fixture(scope='session')
def busi(tmp_path_factory) -> Path:
    """Stills of other patients with their masks, and one that shows no lesion."""
    root = tmp_path_factory.mktemp('downloads') / 'Dataset_BUSI_with_GT'
    for label in (*CLASSES, 'normal'):
        folder = root / label
        folder.mkdir(parents=True)
        for number in range(1, STILLS + 1 if label != 'normal' else 2):
            patient = draw_patient(f'busi {label} {number}',
                                   'benign' if label == 'normal' else label)
            still = np.asarray(simulate_sweep(patient, 1, 64)[0])
            mask = np.asarray(lesion_masks(patient, 1, 64)[0])
            Image.fromarray(still).save(folder / f'{label} ({number}).png')
            Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(
                folder / f'{label} ({number})_mask.png')
    return root
