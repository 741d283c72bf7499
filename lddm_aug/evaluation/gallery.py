"""Held-out videos beside what a generator makes of their first frames, for eyes."""
from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lddm_aug.classes import shown
from lddm_aug.conditions import Told
from lddm_aug.data.annotations import Annotation, class_names
from lddm_aug.datasets.video_clips import frame_stride_of, require_positive_fps
from lddm_aug.evaluation.clip_set import clip_pipeline
from lddm_aug.evaluation.cost import describe_cost
from lddm_aug.files import atomic_write
from lddm_aug.functional.pixels import clip_to_uint8, to_unit
from lddm_aug.generators.base import Generator, autoencoder_of, device_of
from lddm_aug.seeds import derive_seed
from lddm_aug.visualization.previews import Preview, render_page


def write_gallery(path: Path, generator: Generator, package: str | Path, rows: Sequence[Annotation],
                  per_class: int = 6, seed: int = 0, reference_fps: float | None = None,
                  counterfactuals: Sequence[Told] = ()) -> None:
    """One HTML file with some videos, real, reconstructed and generated twice, side by side.

    Args:
        package: where the generator came from, for the reader.
        rows: of a table of videos; those that were trained on are marked.
        per_class: videos shown of each class.
        seed: of the choice of videos and of the clips.
        reference_fps: of the data set that the generator was trained on; see `VideoClipDataset`.
        counterfactuals: what else the generator is told, of the same stills and seeds: a clip of
            each, and how much each pixel changes by it.

    Raises:
        ValueError: for a condition that the generator doesn't have.
    """
    require_positive_fps(reference_fps)
    previews = make_previews(generator, rows, per_class, seed, reference_fps, counterfactuals)
    trained_on = sorted({row.group for row in rows} & {*generator.groups})
    page = render_page(
        Path(__file__).with_name('gallery.html'), previews, generator=type(generator).__name__,
        package=package, sha256=generator.package_sha256, cost=describe_cost(generator),
        sampler=generator.sampler.as_dict(), trained_on=trained_on,
        reconstructs=autoencoder_of(generator) is not None)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(page.encode())


def make_previews(generator: Generator, rows: Sequence[Annotation], per_class: int,
                  seed: int, reference_fps: float | None = None,
                  counterfactuals: Sequence[Told] = ()) -> list[Preview]:
    """Some videos of every class, real, reconstructed, generated twice and counterfactually."""
    generator.require_known('make_previews', [row.conditions for row in rows])
    unknown = sorted({name for told in counterfactuals for name in told} - {*generator.conditions})
    if unknown:
        raise ValueError('make_previews: the generator is told '
                         f'{shown(generator.conditions) or "nothing"}, so that '
                         f'{", ".join(unknown)} changes nothing; leave it out')
    shuffled = random.Random(seed).sample(list(rows), len(rows))
    return [show_video(generator, row, seed, reference_fps, counterfactuals)
            for name in class_names(rows)
            for row in [row for row in shuffled if row.label == name][:per_class]]


def show_video(generator: Generator, row: Annotation, seed: int,
               reference_fps: float | None = None, counterfactuals: Sequence[Told] = ()) -> Preview:
    """The clip in the middle of a video, its reconstruction, and clips from its first frame."""
    clip = _read_clip(generator, row, reference_fps).to(device_of(generator))      # (1, C, T, H, W)
    shown = {'real': clip[0]}
    autoencoder = autoencoder_of(generator)
    if autoencoder is not None:
        shown['reconstructed'] = reconstruct(autoencoder, clip)[0]
    seeds = [derive_seed('preview', seed, row.group, n) for n in range(2)]
    made = generator(clip[:, :, 0].expand(2, -1, -1, -1), seeds, [row.conditions] * 2)
    shown |= {'generated': made[0], 'another seed': made[1]}
    told = generator.told([row.conditions], seeds[:1])[0]            # with what the seed draws
    for other in counterfactuals:
        title = ', '.join(f'{name} {value}' for name, value in other.items())
        clip_ = generator(clip[:, :, 0], seeds[:1], [told | dict(other)])[0]
        shown |= {title: clip_, f'change: {title}': (clip_ - made[0]).abs() - 1}
    return Preview(row.path.name, row.label, {name: _pixels(c) for name, c in shown.items()})


@torch.inference_mode()
def reconstruct(autoencoder: Any, clip: Tensor) -> Tensor:
    """(B, C, T, H, W) → the same, through the latent and back with the first frame's help."""
    return autoencoder.decode(clip[:, :, 0], autoencoder.encode(clip))


def _read_clip(generator: Generator, row: Annotation, reference_fps: float | None) -> Tensor:
    """(1, C, T, H, W) in [−1, 1]."""
    sample = {'filename': str(row.path), 'label': row.label, 'group': row.group, 'seed': 0,
              'frame_stride': frame_stride_of(row, reference_fps)}
    for transform in clip_pipeline(generator):
        sample = transform(sample)
    return to_unit(sample['clip'])[None]                            # type: ignore[arg-type]


def _pixels(clip: Tensor) -> np.ndarray:
    return clip_to_uint8(clip.clamp(-1, 1))
