"""How near a generated clip is to the real one that begins with the same frame."""
from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from lpips import LPIPS
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from lddm_aug.checkpoints import read_checkpoint
from lddm_aug.evaluation.reconstruction_metric import psnr_db
from lddm_aug.files import sha256_of
from lddm_aug.functional.perceptual import perceptual_distance
from lddm_aug.functional.pixels import to_unit
from lddm_aug.networks.vgg import VGGFeatures

# torchvision's vgg16 and alexnet by the number and the first shape of their convolutions, and what
# LPIPS calls them.
LPIPS_NETS: dict[tuple[int, tuple[int, ...]], str] = {
    (13, (64, 3, 3, 3)): 'vgg', (5, (64, 3, 11, 11)): 'alex'}


class ImageDistance(Protocol):
    """Between N pairs of images.

    Attributes:
        name: what to call it in a result.
        provenance: its name, and the sha256 of its file.
    """
    name: str
    provenance: dict[str, Any]

    def __call__(self, ours: Tensor, theirs: Tensor) -> Tensor:
        """(N, C, H, W) and (N, C, H, W) in [−1, 1] → (N,)."""


class VGGDistance:
    """The distance that LPIPS starts from, without the weights that LPIPS has trained.

    Args:
        path: of a VGG's state dict; see `VGGFeatures`.
        device: to compute on.
    """

    def __init__(self, path: str | Path, device: str | torch.device = 'cpu') -> None:
        self.name = f'LPIPS-like ({Path(path).stem}, no linear weights)'
        self.provenance = dict(network=self.name, sha256=sha256_of(Path(path)))
        self.features = VGGFeatures(path).to(device)
        self.device = device

    @torch.inference_mode()
    def __call__(self, ours: Tensor, theirs: Tensor) -> Tensor:
        return perceptual_distance(self.features(ours.to(self.device)),
                                   self.features(theirs.to(self.device))).cpu()


class LPIPSDistance:
    """LPIPS (Zhang et al. 2018), version 0.1, by the package of its authors.

    That package contains the linear weights and would download the network; here its state
    dict is given.

    Args:
        path: state dict of torchvision's vgg16 or alexnet, trained on ImageNet.
        device: to compute on.

    Raises:
        FileNotFoundError: if the file isn't there.
        ValueError: if it holds neither.
    """

    def __init__(self, path: str | Path, device: str | torch.device = 'cpu') -> None:
        state = read_checkpoint(path)
        shapes = [
            tuple(weight.shape) for name, weight in state.items() if isinstance(weight, Tensor)
            and name.startswith('features.') and name.endswith('.weight')]
        kind = LPIPS_NETS.get((len(shapes), shapes[0]) if shapes else (0, ()))
        if kind is None:
            raise ValueError(f"LPIPSDistance: {path} must be the state dict of torchvision's vgg16 "
                             f'or alexnet, but holds {len(shapes)} layers called features.N')
        self.network: Any = LPIPS(net=kind, pnet_rand=True, verbose=False)
        try:
            self.network.net.load_state_dict(        # slice1.0.weight is features.0.weight
                {name: state['features.' + name.split('.', 1)[1]]
                 for name in self.network.net.state_dict()})
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"LPIPSDistance: {path} must be the state dict of torchvision's "
                             f'{kind}, but a weight is lacking or has another shape '
                             f'({str(error).splitlines()[-1].strip()[:200]})') from error
        self.network.eval().requires_grad_(False).to(device)
        self.name = f'LPIPS ({kind}, v0.1)'
        self.provenance = dict(network=self.name, sha256=sha256_of(Path(path)))
        self.device = device

    @torch.inference_mode()
    def __call__(self, ours: Tensor, theirs: Tensor) -> Tensor:
        ours, theirs = (images.expand(-1, 3, -1, -1).to(self.device) for images in (ours, theirs))
        return self.network(ours, theirs).flatten().cpu()


def later_frames(num_frames: int, count: int) -> list[int]:
    """Up to `count` frames, evenly spaced from 1 to the last; 0 takes all but frame 0."""
    if count == 0 or count >= num_frames - 1:
        return list(range(1, num_frames))
    return np.linspace(num_frames - 1, 1, count).round().astype(int).tolist()[::-1]


def clip_psnr(ours: Tensor, theirs: Tensor) -> NDArray[np.float64]:
    """Of each of (N, C, T, H, W) uint8 clips, in dB, over frames 1 … T−1; frame 0 was given."""
    return np.array([psnr_db(to_unit(a[:, 1:]), to_unit(b[:, 1:]))
                     for a, b in zip(ours, theirs, strict=True)])


def clip_ssim(ours: Tensor, theirs: Tensor) -> NDArray[np.float64]:
    """Of each of (N, C, T, H, W) uint8 clips, the mean over frames 1 … T−1.

    As Wang et al. 2004 compute it: in Gaussian windows of σ = 1.5 pixels.
    """
    def of_frame(a: Tensor, b: Tensor) -> float:
        return structural_similarity(a.numpy(), b.numpy(), data_range=255, channel_axis=0,
                                     gaussian_weights=True, sigma=1.5,
                                     use_sample_covariance=False)

    return np.array([np.mean([of_frame(a[:, t], b[:, t]) for t in range(1, a.shape[1])])
                     for a, b in zip(ours, theirs, strict=True)])


def clip_distance(distance: ImageDistance, ours: Tensor, theirs: Tensor, frames: int = 0
                  ) -> NDArray[np.float64]:
    """Mean distance over `later_frames` of each of (N, C, T, H, W) uint8 clips."""
    chosen = later_frames(ours.shape[2], frames)
    return np.array([
        float(distance(to_unit(a[:, chosen]).transpose(0, 1),
                       to_unit(b[:, chosen]).transpose(0, 1)).mean())
        for a, b in zip(ours, theirs, strict=True)])
