"""What measuring clips costs: features, distances, the two-sample test, the audit of files."""
from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.registry import DefaultScope
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.audit.audit import audit, list_items
from lddm_aug.configs import choose, read_config
from lddm_aug.data.frames import read_frames
from lddm_aug.evaluation.clip_set import ClipSet
from lddm_aug.evaluation.clip_statistics import describe_clips
from lddm_aug.evaluation.image_quality import VGGDistance, clip_distance, later_frames
from lddm_aug.evaluation.recognizer_features import RecognizerFeatures
from lddm_aug.evaluation.synthesis_metrics import Evaluation, SynthesisOptions
from lddm_aug.evaluation.synthesis_metrics.two_sample import TwoSampleAUC
from lddm_aug.experiments.benchmark.measure import ratio_row, take_turns
from lddm_aug.extras import require_extra
from lddm_aug.functional.pixels import to_unit
from lddm_aug.generators.repeat_still import RepeatStill

# channels of VGG-16's convolutions by their number in torchvision's state dict
VGG_16 = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 17: 512, 19: 512, 21: 512,
          24: 512, 26: 512, 28: 512}
RATE = 25                                            # frames per second of the audited videos
# what is measured → what of it is the baseline, and what the two are called
WAYS = {
    'features': ('backbone', 'features of {network} for FD (baseline: its backbone alone)'),
    'distance': ('vgg', 'LPIPS-like, {seen} frames (baseline: VGG-16 alone on these frames)'),
    'two_sample': ('describe', 'two-sample AUC of {clips} clips against as many (baseline: '
                               'statistics of these clips alone)'),
    'audit': ('read', 'audit of {clips} mp4 files (baseline: reading their frames alone)')}


def measure_evaluation(folder: str | Path, size: int = 64, frames: int = 16, clips: int = 16,
                       repeats: int = 7, device: torch.device | None = None, command: str = ''
                       ) -> list[dict[str, Any]]:
    """Seconds per clip of metrics and of the audit, each beside the part that it can't spare.

    Clips are moving noise, networks have random weights, which changes no time.  All take turns.
    The audit and the two-sample test compute on the CPU whatever the device.

    Args:
        folder: for files and weights; an empty one.
        size: of the clips, in pixels, from 32 on.
        frames: of a clip, from 16 on.
        clips: that are generated, and as many that are real.
        repeats: turns of each.
        device: the CPU by default, where seconds are those of the process.
        command: that is to stand in the rows.

    Returns:
        A row of `ratio_row` for each of WAYS.

    Raises:
        MissingExtraError: without the extra `audit`.
        ValueError: if a number makes no sense.
    """
    require_extra('audit', 'the benchmark of the audit')
    for name, value, least in (('size', size, 32), ('frames', frames, 16), ('clips', clips, 2)):
        if value < least:
            raise ValueError(f'measure_evaluation: {name} is a whole number from {least} on, but '
                             f'got {value!r}')
    device, folder = device or torch.device('cpu'), Path(folder)
    network = _network(folder, device)
    seconds = take_turns(make_ways(folder, network, size, frames, clips, device), repeats, device)
    per_clip = {name: [each / clips for each in values] for name, values in seconds.items()}
    seen = len(later_frames(frames, SynthesisOptions().perceptual_frames))
    form = dict(network=network.name.removeprefix('FD-'), seen=seen, clips=clips)
    unit = 'CPU s per clip' if device.type == 'cpu' else 's per clip'
    return [ratio_row(f'{what.format(**form)}, {frames}×{size}×{size}', per_clip[name],
                      per_clip[baseline], unit, device, command)
            for name, (baseline, what) in WAYS.items()]


def make_ways(folder: Path, network: RecognizerFeatures, size: int, frames: int, clips: int,
              device: torch.device) -> dict[str, Callable[[], object]]:
    """What is timed, by name: those of WAYS and their baselines."""
    random = np.random.default_rng(0)
    ours, theirs = (torch.from_numpy(_noise(random, clips, frames, size)) for _ in range(2))
    distance = VGGDistance(_write_vgg(folder / 'vgg16.pth'), device)
    options = SynthesisOptions()
    images = [_later(each, options.perceptual_frames).to(device) for each in (ours, theirs)]
    inputs = network.prepare(ours)
    groups, files = [f'p{number}' for number in range(clips)], _write_videos(folder, ours)
    table = folder / 'videos.csv'
    table.write_text('\n'.join(['path,label,group', *(
        f'{file.name},{"ab"[number % 2]},{groups[number]}' for number, file in enumerate(files))]))

    def two_sample() -> object:
        # new ones each time: a ClipSet keeps what was measured of it
        generated, real = (ClipSet(each, groups, ['a'] * clips) for each in (ours, theirs))
        return TwoSampleAUC().measure(Evaluation(
            RepeatStill(size, num_frames=frames), real, real, generated, {}, options))

    def look_through() -> object:
        for file in files:                           # whose frames are counted anew
            os.utime(file, ns=(time.time_ns(), time.time_ns()))
        return audit(list_items([table]), progress=False)

    @torch.inference_mode()
    def through_vgg() -> object:
        return [distance.features(each) for each in images]

    return dict(
        features=lambda: network(ours), backbone=lambda: network.look(inputs, clips),
        distance=lambda: clip_distance(distance, ours, theirs, options.perceptual_frames),
        vgg=through_vgg, two_sample=two_sample,
        describe=lambda: [describe_clips(each) for each in (ours, theirs)],
        audit=look_through, read=lambda: [read_frames(file) for file in files])


def _noise(random: np.random.Generator, clips: int, frames: int, size: int) -> NDArray[np.uint8]:
    """(N, 1, T, H, W): one texture for each clip, which moves a pixel in each frame."""
    still = random.rayleigh(40, (clips, 1, size, size)).clip(0, 255).astype(np.uint8)
    return np.stack([np.roll(still, number, axis=-1) for number in range(frames)], axis=2)


def _later(clips: Tensor, count: int) -> Tensor:
    """(N, C, T, H, W) uint8 → (N · count, C, H, W) in [−1, 1], the frames that LPIPS sees."""
    chosen = later_frames(clips.shape[2], count)
    return to_unit(clips[:, :, chosen]).transpose(1, 2).flatten(0, 1)


def _network(folder: Path, device: torch.device) -> RecognizerFeatures:
    config = read_config('recognizer', choose('phantom', recognizer='r3d'))
    config.work_dir = str(folder / 'r3d')
    with DefaultScope.overwrite_default_scope('mmaction'):
        torch.save(dict(state_dict=MODELS.build(config.model).state_dict()), folder / 'r3d.pth')
        return RecognizerFeatures(config, folder / 'r3d.pth', device=device)


def _write_vgg(path: Path) -> Path:
    """A state dict as torchvision's VGG-16 has it, with random weights."""
    state, before, draw = {}, 3, torch.Generator().manual_seed(0)
    for number, width in VGG_16.items():
        state[f'features.{number}.weight'] = torch.randn(
            width, before, 3, 3, generator=draw) / (9 * before) ** 0.5
        state[f'features.{number}.bias'] = torch.zeros(width)
        before = width
    torch.save(state, path)
    return path


def _write_videos(folder: Path, clips: Tensor) -> list[Path]:
    """An mp4 of each (1, T, H, W) clip."""
    paths = [folder / f'{number}.mp4' for number in range(len(clips))]
    for path, clip in zip(paths, clips, strict=True):
        with av.open(str(path), 'w') as container:
            stream = container.add_stream('mpeg4', rate=RATE)
            stream.height, stream.width = clip.shape[2:]
            for frame in clip[0].numpy():
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='gray')))
            container.mux(stream.encode())
    return paths
