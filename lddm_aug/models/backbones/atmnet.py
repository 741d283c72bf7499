"""ActiveMLP as a backbone, with mixing along time as an extension."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmaction.registry import MODELS
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from lddm_aug.models.backbones.pretrained import PretrainedBackbone, rename
from lddm_aug.networks.active_token_mixer import ActiveTokenMixer, Offsets

_SMALL: dict[str, Any] = dict(dims=(64, 128, 320, 512), mlp_ratios=(4, 4, 4, 4), interval=2)
_LARGE: dict[str, Any] = dict(dims=(64, 128, 320, 512), mlp_ratios=(8, 8, 4, 4), interval=6)
ARCHS: dict[str, dict[str, Any]] = {
    'xT': dict(_SMALL, depths=(2, 2, 4, 2)),
    'T': dict(_SMALL, depths=(2, 3, 10, 3)),
    'S': dict(_LARGE, depths=(3, 4, 18, 3)),
    'B': dict(_LARGE, depths=(3, 8, 27, 3)),
    'L': dict(dims=(96, 192, 384, 768), mlp_ratios=(4, 4, 4, 4), interval=6, depths=(3, 4, 24, 3)),
}
SHARES = (2, 4, 4, 8)                                # channels that share an offset, per stage

# microsoft/ActiveMLP's names → ours
OFFICIAL_NAMES = (
    (r'patch_embed\.proj\.', 'stem.'),
    (r'pos_blocks\.(\d)\.proj\.', r'stages.\1.position.'),
    (r'blocks\.(\d)\.(\d+)\.downsample\.proj\.', r'stages.\1.downsample.'),
    (r'blocks\.(\d)\.(\d+)\.offset_layer\.0\.', r'stages.\1.offsets.\2.norm.'),
    (r'blocks\.(\d)\.(\d+)\.offset_layer\.1\.', r'stages.\1.offsets.\2.space.'),
    (r'blocks\.(\d)\.(\d+)\.', r'stages.\1.blocks.\2.'),
    (r'(stages\.\d\.blocks\.\d+)\.atm\.atm_w\.', r'\1.mixer.width.'),
    (r'(stages\.\d\.blocks\.\d+)\.atm\.atm_h\.', r'\1.mixer.height.'),
    (r'(stages\.\d\.blocks\.\d+)\.atm\.atm_c\.', r'\1.mixer.itself.'),
    (r'(stages\.\d\.blocks\.\d+)\.atm\.proj\.', r'\1.mixer.projection.'),
    (r'(stages\.\d\.blocks\.\d+)\.atm\.fusion\.fc1\.', r'\1.mixer.fusion.0.'),
    (r'(stages\.\d\.blocks\.\d+)\.atm\.fusion\.fc2\.', r'\1.mixer.fusion.2.'),
    (r'(stages\.\d\.blocks\.\d+)\.mlp\.fc1\.', r'\1.mlp.0.'),
    (r'(stages\.\d\.blocks\.\d+)\.mlp\.fc2\.', r'\1.mlp.2.'),
)
OFFICIAL_HEAD = 'head.'


class Block(nn.Module):
    """(B, H, W, C) tokens → the same shape: mixes tokens, then channels."""

    def __init__(self, channels: int, mlp_ratio: float, drop_path: float,
                 num_frames: int | None) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.mixer = ActiveTokenMixer(channels, num_frames)
        self.norm2 = nn.LayerNorm(channels)
        hidden = int(mlp_ratio * channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, channels))
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor, offsets: Tensor) -> Tensor:
        x = x + self.drop_path(self.mixer(self.norm1(x), offsets))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class Stage(nn.Module):
    """(B, H, W, C) tokens → the same shape, or (B, H/2, W/2, C') if another stage follows.

    Args:
        channels: C.
        next_channels: C', or None for the last stage.
        mlp_ratio: hidden channels of the MLPs, in multiples of C.
        share: channels that share an offset.
        interval: blocks that use the same offsets; the last block never has its own.
        drop_paths: one per block.
        num_frames: frames of a clip, to mix along time; None for no mixing.
    """

    def __init__(self, channels: int, next_channels: int | None, mlp_ratio: float, share: int,
                 interval: int, drop_paths: list[float], num_frames: int | None) -> None:
        super().__init__()
        self.position = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.blocks = nn.ModuleList(
            Block(channels, mlp_ratio, drop_path, num_frames) for drop_path in drop_paths)
        self.offsets = nn.ModuleDict({
            str(number): Offsets(channels, share, along_time=num_frames is not None)
            for number in range(0, len(drop_paths) - 1, interval)})
        self.downsample: nn.Module | None = None
        if next_channels is not None:
            self.downsample = nn.Conv2d(channels, next_channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        offsets = None
        for number, block in enumerate(self.blocks):
            if str(number) in self.offsets:
                x = x + _channels_last(self.position(_channels_first(x)))
                offsets = self.offsets[str(number)](x)
            x = block(x, offsets)
        if self.downsample is not None:
            x = _channels_last(self.downsample(_channels_first(x)))
        return x


@MODELS.register_module()
class ATMNet(PretrainedBackbone):
    """ActiveMLP (Wei et al. 2022), for images and, as an extension, along time.

    (N·T, 3, H, W) frames → (N·T, C, H/32, W/32).  As published, frames are independent and the head
    averages their scores (`TSNHead`, or `TSMHead(num_segments=T)`).  With `along_time`, tokens also
    sample from other frames of their clip; before the training this has no effect.

    Args:
        arch: xT, T, S, B or L, or a dict(depths, dims, mlp_ratios, interval) with one number per
            stage and the number of blocks that share their offsets.
        num_segments: T.
        along_time: whether to mix along time.
        pretrained: a checkpoint of microsoft/ActiveMLP of this arch to start from; its EMA weights
            where it has them.  All weights must fit.  An existing file is loaded when the backbone
            is built, others before the training.
        drop_path: of the last block, rising from 0 at the first (Huang et al. 2016).
        init_cfg: as in MMEngine.

    Raises:
        ValueError: when built, for an unknown arch, numbers out of range, and weights that don't
            fit; when called with along_time, if the frames are no whole number of clips.
    """

    def __init__(self, arch: str | dict[str, Any] = 'xT', num_segments: int = 8,
                 along_time: bool = False, pretrained: str | None = None, drop_path: float = 0.1,
                 init_cfg: dict | None = None) -> None:
        super().__init__(pretrained, init_cfg)
        depths, dims, mlp_ratios, interval = _read_arch(arch)
        if (not isinstance(num_segments, int) or num_segments < 1
                or not isinstance(drop_path, (int, float)) or not 0 <= drop_path < 1):
            raise ValueError('ATMNet: num_segments must be a whole number from 1 on and drop_path '
                             f'in [0, 1), but got {num_segments!r} and {drop_path!r}')
        self.num_segments = self.frames_per_clip = num_segments
        self.along_time = along_time
        num_frames = num_segments if along_time else None
        drop_paths = torch.linspace(0, drop_path, sum(depths), device='cpu').split(list(depths))
        self.stem = nn.Conv2d(3, dims[0], 7, stride=4, padding=2)
        self.stages = nn.Sequential(*[
            Stage(channels, next_channels, mlp_ratio, share, interval, drops.tolist(), num_frames)
            for channels, next_channels, mlp_ratio, share, drops
            in zip(dims, [*dims[1:], None], mlp_ratios, SHARES, drop_paths, strict=True)])
        self.norm = nn.LayerNorm(dims[-1])
        if along_time:
            self._register_segments(num_segments)
        self.apply(_draw_weights)
        self._load_local_weights()

    def forward(self, frames: Tensor) -> Tensor:
        if self.along_time and len(frames) % self.num_segments:
            raise ValueError(f'ATMNet: a clip must have num_segments={self.num_segments} frames, '
                             f'but {len(frames)} frames are no whole number of clips; change one')
        x = self.stages(_channels_last(self.stem(frames)))
        return _channels_first(self.norm(x))

    def from_published(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        own = {name: weight for name, weight in self.state_dict().items() if '.time.' in name}
        return {**own, **from_official(weights)}


def from_official(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The backbone's weights of a checkpoint of microsoft/ActiveMLP."""
    weights = {name: weight.flatten(1) if name.endswith(('mixer.width.weight',
                                                         'mixer.height.weight')) else weight
               for name, weight in rename(weights, OFFICIAL_NAMES).items()}
    return {name: weight for name, weight in weights.items()
            if not name.startswith(OFFICIAL_HEAD)}


def _read_arch(arch: str | dict[str, Any]) -> tuple[Any, Any, Any, int]:
    if isinstance(arch, str):
        arch = ARCHS.get(arch, arch)
    if not isinstance(arch, dict):
        raise ValueError(f'ATMNet: arch must be one of {", ".join(ARCHS)}, or a dict, '
                         f'but got {arch!r}')
    keys = ('depths', 'dims', 'mlp_ratios', 'interval')
    if set(arch) != set(keys):
        raise ValueError(f'ATMNet: arch must have {", ".join(keys)}, but has '
                         f'{", ".join(map(str, arch))}')
    depths, dims, mlp_ratios, interval = (arch[key] for key in keys)
    if not (_one_per_stage(depths, int) and _one_per_stage(dims, int)
            and _one_per_stage(mlp_ratios, (int, float)) and isinstance(interval, int)):
        raise ValueError(f'ATMNet: depths, dims and mlp_ratios must have {len(SHARES)} numbers, '
                         'one per stage, and interval be a number, whole ones but for mlp_ratios, '
                         f'but got {arch!r}')
    if min(depths) < 2 or interval < 1:
        raise ValueError('ATMNet: depths must be at least 2, as the last block of a stage uses the '
                         f'offsets of another, and interval at least 1, but got {arch!r}')
    if any(channels % share or channels % 4 for channels, share in zip(dims, SHARES, strict=True)):
        raise ValueError(f'ATMNet: dims must be multiples of 4, and of the {SHARES} channels that '
                         f'share an offset, but got {dims!r}')
    return depths, dims, mlp_ratios, interval


def _one_per_stage(numbers: Any, kind: type | tuple[type, ...]) -> bool:
    return (isinstance(numbers, Sequence) and len(numbers) == len(SHARES)
            and all(isinstance(number, kind) for number in numbers))


def _draw_weights(module: nn.Module) -> None:
    """Initialise as the official code does; `apply` calls it for parts before their parents."""
    if isinstance(module, (nn.Linear, nn.Conv2d)) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
    elif isinstance(module, nn.Conv2d):
        fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
    elif isinstance(module, (ActiveTokenMixer, Offsets)):
        module.reset_time()


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)
