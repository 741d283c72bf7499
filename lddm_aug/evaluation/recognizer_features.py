"""What a recognizer that was trained here sees in a clip."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from mmaction.registry import MODELS, TRANSFORMS
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.checkpoints import read_checkpoint
from lddm_aug.data.frames import letterbox, to_channels
from lddm_aug.files import sha256_of

BATCH = 16                                           # clips looked at together


class FeatureNetwork(Protocol):
    """Turns clips into features between which a Fréchet distance is taken.

    Attributes:
        name: what the distance is called after.
        provenance: sha256 of the network and what it saw: size, frames, stride.
    """
    name: str
    provenance: dict[str, Any]

    def __call__(self, clips: Tensor) -> NDArray[np.float64]:
        """(N, C, T, H, W) uint8 → (N, D), or (N, K, D) of K networks."""


class RecognizerFeatures:
    """The output of a recognizer's backbone, averaged over places and times.

    A clip goes through the test pipeline of the recognizer's own config, as its videos do.  The
    Fréchet distance between such features is called FD-<name of the config>: it can be compared
    among generators, not with a published FVD, which takes another network.

    Args:
        config: of a recognizer whose pipeline begins with ReadVideo and SampleSegment, or its file.
        checkpoint: that `lddm-aug train` wrote.
        frame_stride: frames of the source video from one frame of the clips to the next.
        device: to compute on.
        name: what the network is called; by default as the folder that it was trained in, if the
            config tells, or as the config's file.

    Raises:
        FileNotFoundError: if one of the files isn't there.
        ValueError: if they don't belong together or are no recognizer.
    """

    def __init__(self, config: Config | str | Path, checkpoint: str | Path,
                 frame_stride: float = 3, device: str | torch.device = 'cpu',
                 name: str | None = None) -> None:
        if not isinstance(config, Config):
            config = Config.fromfile(config)
        self.config_file = config_file = config.filename
        trained_in = Path(config.get('work_dir') or Path(config_file).with_suffix(''))
        self.name = f'FD-{name or trained_in.name}'
        init_default_scope('mmaction')
        self.frame_stride = frame_stride
        self.read, *transforms = self._pipeline(config, config_file)
        self.transforms = Compose([TRANSFORMS.build(transform) for transform in transforms])
        self.network = self._load(config, config_file, checkpoint).to(device)
        self.provenance = dict(network=self.name.removeprefix('FD-'),
                              sha256=sha256_of(Path(checkpoint)), frame_stride=frame_stride)

    def _pipeline(self, config: Config, config_file: str | Path) -> list[dict[str, Any]]:
        try:
            pipeline = config.test_dataloader.dataset.pipeline
            begins_well = pipeline[0].type == 'ReadVideo'
        except (AttributeError, IndexError, KeyError) as error:
            raise ValueError(f'RecognizerFeatures: {config_file} has no test_dataloader with a '
                             'pipeline; name the config of a recognizer') from error
        if not begins_well:
            raise ValueError(f'RecognizerFeatures: the test pipeline of {config_file} must begin '
                             f'with ReadVideo, but begins with {pipeline[0].type}')
        return list(pipeline)

    def _load(self, config: Config, config_file: str | Path, checkpoint: str | Path) -> Any:
        if 'model' not in config:
            raise ValueError(f'RecognizerFeatures: {config_file} has no model; name the config of '
                             'a recognizer')
        network = MODELS.build(config.model)
        state = read_checkpoint(checkpoint)
        if not hasattr(network, 'extract_feat') or 'state_dict' not in state:
            raise ValueError(f'RecognizerFeatures: {config_file} and {checkpoint} must be a '
                             'recognizer and its checkpoint from lddm-aug train')
        try:
            network.load_state_dict(state['state_dict'])
        except RuntimeError as error:
            raise ValueError(
                f'RecognizerFeatures: {checkpoint} is not a checkpoint of {config_file} '
                f'({str(error).splitlines()[1].strip()[:200]} …); name the config that trained it'
            ) from error
        return network.eval().requires_grad_(False)

    @torch.inference_mode()
    def __call__(self, clips: Tensor) -> NDArray[np.float64]:
        """(N, C, T, H, W) uint8 clips → (N, D) features.

        Raises:
            ValueError: if the recognizer looks at more than T frames.
        """
        self._check(clips.shape[2])
        features = [self.look(self.prepare(batch), len(batch)) for batch in clips.split(BATCH)]
        return torch.cat(features).double().cpu().numpy()

    def _check(self, num_frames: int) -> None:
        needed = max((getattr(transform, 'num_frames', 0)
                      for transform in self.transforms.transforms), default=0)
        if needed > num_frames:
            raise ValueError(f'RecognizerFeatures: {self.config_file} looks at {needed} frames, '
                             f"but the generator's clips have T = {num_frames}; name the config of "
                             f'a recognizer of {num_frames} frames or fewer')

    def prepare(self, clips: Tensor) -> Tensor:
        """(N, C, T, H, W) uint8 clips → the input of the network, on its device."""
        packed = [self.transforms(self._sample(clip)) for clip in clips]
        data = self.network.data_preprocessor(
            {key: [sample[key] for sample in packed] for key in ('inputs', 'data_samples')})
        return data['inputs']

    @torch.inference_mode()
    def look(self, inputs: Tensor, count: int) -> Tensor:
        """What `prepare` returned for so many clips → (count, D) features."""
        output, _ = self.network.extract_feat(inputs, stage='backbone')
        if not isinstance(output, Tensor):
            raise ValueError(f'RecognizerFeatures: the backbone of {self.name} must give one '
                             f'tensor, but gives a {type(output).__name__}')
        # several frames or views of a clip lie behind one another along the batch
        output = output.reshape(count, -1, *output.shape[1:])            # (B, views, D, …)
        return output.movedim(2, -1).flatten(1, -2).mean(dim=1)          # (B, D)

    def _sample(self, clip: Tensor) -> dict[str, Any]:
        """(C, T, H, W) uint8 → what a video is once it was read."""
        frames = clip.permute(1, 2, 3, 0).contiguous().numpy()           # (T, H, W, C)
        frames = frames[..., 0] if frames.shape[-1] == 1 else frames
        if self.read.get('size') is not None:
            frames = letterbox(frames, self.read['size'])
        frames = to_channels(frames, self.read.get('channels', 3))
        return dict(array=frames, total_frames=len(frames), start_index=0, modality='RGB',
                    frame_stride=self.frame_stride, label=0, filename='', group='', origin='')


class SeveralRecognizers:
    """Recognizers of one config that were trained from different seeds.

    What a small network learns to see is a matter of chance, and so is which of two generators is
    nearer to real clips in it; a Fréchet distance of these features is the mean over the networks.
    """

    def __init__(self, networks: Sequence[RecognizerFeatures]) -> None:
        self.networks = networks
        self.name = networks[0].name
        self.provenance = networks[0].provenance | dict(
            sha256=[network.provenance['sha256'] for network in networks])

    def __call__(self, clips: Tensor) -> NDArray[np.float64]:
        """(N, C, T, H, W) uint8 clips → (N, K, D) features."""
        return np.stack([network(clips) for network in self.networks], axis=1)
