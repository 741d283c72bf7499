"""Clips in memory: what a generator is measured against, and on."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.conditions import LABEL, Told
from lddm_aug.datasets.transforms import PackClip, ReadVideo, SampleSegment
from lddm_aug.datasets.video_clips import VideoClipDataset
from lddm_aug.evaluation.clip_statistics import ClipDescriptions, describe_clips
from lddm_aug.evaluation.recognizer_features import FeatureNetwork
from lddm_aug.functional.pixels import to_uint8, to_unit
from lddm_aug.generators.base import DEVICE_BATCH, Generator, device_of
from lddm_aug.seeds import derive_seed


@dataclass(frozen=True)
class ClipSet:
    """N clips and whom they show.

    Attributes:
        clips: (N, C, T, H, W) uint8.
        groups: one per clip.
        labels: name of the class, one per clip.
    """
    clips: Tensor
    groups: Sequence[str]
    labels: Sequence[str]
    _features: dict[tuple, NDArray[np.float64]] = field(
        default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.clips.ndim != 5 or self.clips.dtype != torch.uint8 or len(self.clips) == 0:
            raise ValueError('ClipSet: clips must be (N, C, T, H, W) uint8 and at least one, but '
                             f'got {tuple(self.clips.shape)} {self.clips.dtype}')
        if not len(self.groups) == len(self.labels) == len(self.clips):
            raise ValueError(f'ClipSet: {len(self.clips)} clips need as many groups and labels, '
                             f'but got {len(self.groups)} and {len(self.labels)}')

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def stills(self) -> Tensor:
        """(N, C, H, W) first frames in [−1, 1]."""
        return to_unit(self.clips[:, :, 0])

    @cached_property
    def described(self) -> ClipDescriptions:
        """Statistics and motion of every clip, measured once."""
        return describe_clips(self.clips)

    def features(self, network: FeatureNetwork, indices: Sequence[int] | None = None
                 ) -> NDArray[np.float64]:
        """What a network sees in every clip, or in those of these indices, looked at once."""
        chosen = slice(None) if indices is None else list(indices)
        key = network, str(chosen)
        if key not in self._features:
            self._features[key] = network(self.clips[chosen])
        return self._features[key]

    def subset(self, indices: Sequence[int]) -> ClipSet:
        return ClipSet(self.clips[list(indices)], [self.groups[i] for i in indices],
                       [self.labels[i] for i in indices])


def joined(parts: Sequence[ClipSet]) -> ClipSet:
    """All clips of several sets, one set after the other."""
    return ClipSet(torch.cat([part.clips for part in parts]),
                   [group for part in parts for group in part.groups],
                   [label for part in parts for label in part.labels])


def read_clip_set(dataset: VideoClipDataset, segments: int = 1) -> ClipSet:
    """Read all videos of a data set whose pipeline ends in `PackClip`.

    Args:
        segments: clips from each video.  They differ as the pipeline draws them; one whose
            `SampleSegment` is in test_mode always gives the middle.
    """
    if segments < 1:
        raise ValueError(f'read_clip_set: segments counts clips of each video and is at least 1, '
                         f'but got {segments!r}')
    classes = dataset.metainfo['classes']
    samples = [dataset.draw(index, derive_seed(dataset.seed, segment, index))
               for index in range(len(dataset)) for segment in range(segments)]
    return ClipSet(torch.stack([sample['clip'] for sample in samples]),
                   [sample['group'] for sample in samples],
                   [classes[int(sample['label'])] for sample in samples])


def clip_pipeline(generator: Generator, test_mode: bool = True) -> list[BaseTransform]:
    """From a video to a clip of a generator's size, length and playback rate.

    Args:
        test_mode: take the middle instead of drawing.
    """
    frames = generator.num_frames
    return [ReadVideo(generator.size, generator.channels, cache=True),
            SampleSegment(frames, round(frames * generator.frame_stride), test_mode=test_mode),
            PackClip()]


def read_split(videos: str | Path, split: str | None, generator: Generator, segments: int = 1,
               seed: int = 0, data_root: str | Path | None = None,
               split_file: str | Path | None = None,
               reference_fps: float | None = None, min_frames: int | None = None) -> ClipSet:
    """Clips of a table's videos in a generator's size, length and playback rate.

    Args:
        videos: the table.
        split: rows to take; see `TableDataset`, also for `data_root` and `split_file`.
        segments: clips from each video; 1 takes the middle, more are drawn.
        seed: of the drawing.
        reference_fps: of the data set that the generator was trained on; see `VideoClipDataset`.
        min_frames: videos of fewer frames are left out; by default any of fewer than a clip's is
            refused.

    Raises:
        ValueError: if the generator knows classes and not those of the videos.
    """
    dataset = VideoClipDataset(
        str(videos), clip_pipeline(generator, test_mode=segments == 1), split=split, seed=seed,
        min_frames=min_frames or generator.num_frames, reference_fps=reference_fps,
        on_bad='raise' if min_frames is None else 'skip',
        data_root=None if data_root is None else str(data_root),
        split_file=None if split_file is None else str(split_file))
    generator.require_known(f'read_split {videos}', [row.conditions for row in dataset.annotations])
    return read_clip_set(dataset, segments)


def make_clips(generator: Generator, stills: Tensor, seeds: Sequence[int], told: Sequence[Told]
               ) -> Tensor:
    """(N, C, H, W) stills in [−1, 1] → (N, C, T, H, W) uint8, on the CPU, a batch at a time."""
    device, made = device_of(generator), []
    for start in range(0, len(seeds), DEVICE_BATCH):
        batch = slice(start, start + DEVICE_BATCH)
        clips = generator(stills[batch].to(device), seeds[batch], told[batch])
        made.append(to_uint8(clips).cpu())
    return torch.cat(made)


def generate_clip_set(generator: Generator, real: ClipSet, seed: int = 0, sample: int = 0,
                      indices: Sequence[int] | None = None) -> ClipSet:
    """One clip from the first frame of each real one, on the generator's device.

    Args:
        sample: another one gives other clips of the same stills.
        indices: of the real clips to describe; by default all.
    """
    indices = list(range(len(real))) if indices is None else indices
    asked = real.subset(indices)
    seeds = [derive_seed('evaluation', seed, sample, index) for index in indices]
    clips = make_clips(generator, asked.stills, seeds, [{LABEL: label} for label in asked.labels])
    return ClipSet(clips, asked.groups, asked.labels)
