"""Features of an I3D that the user gives: FVD and DTFVD are Fréchet distances between them."""
from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lddm_aug.checkpoints import read_checkpoint
from lddm_aug.files import sha256_of
from lddm_aug.functional.pixels import to_unit
from lddm_aug.networks.i3d import I3D

SIZE = 224                # pixels to which frames are enlarged, as published
BATCH = 4

# Which features of a state dict count, and the eps of its batch normalisation, which it doesn't
# tell: Kinetics logits for FVD (Unterthiner et al. 2018), pooled features of a network trained on
# dynamic textures for DTFVD (Dorkenwald et al. 2021).
FIGURES: dict[str, dict[str, Any]] = {
    'FVD': dict(output='logits', eps=1e-3), 'DTFVD': dict(output='pooled', eps=1e-5)}


class I3DFeatures:
    """Clips enlarged to 224 × 224, in colour and in [−1, 1], through an I3D.

    Args:
        source: path or URL of TorchScript or of a state dict.  TorchScript returns (N, D) for
            (N, 3, T, 224, 224); if it has the arguments rescale, resize and return_features, they
            are set so that it takes what it is given and returns features.
        figure: `FVD` or `DTFVD`.
        frame_stride: frames of the source video from one frame of the clips to the next.
        device: to compute on.

    Raises:
        OSError: if the file can't be read or fetched.
        ValueError: if it is no I3D.
    """

    def __init__(self, source: str | Path, figure: str = 'FVD', frame_stride: float = 3,
                 device: str | torch.device = 'cpu') -> None:
        if figure not in FIGURES:
            raise ValueError(f'I3DFeatures: figure must be one of {", ".join(FIGURES)}, '
                             f'but got {figure!r}')
        path = fetch(source)
        self.name, self.source, self.device = figure, str(source), device
        self.provenance: dict[str, Any] = dict(
            source=str(source), sha256=sha256_of(path), size=SIZE, frame_stride=frame_stride)
        if _is_torchscript(path):
            try:
                self.network: Any = torch.jit.load(path, map_location=device).eval()
            except RuntimeError as error:
                raise ValueError(f'{figure}: {source} cannot be read as TorchScript; is it '
                                 'damaged, or made by another version of PyTorch?') from error
            known = {argument.name for argument in self.network.forward.schema.arguments}
            flags = dict(rescale=False, resize=False, return_features=True)
            self.flags = {name: value for name, value in flags.items() if name in known}
        else:
            state = read_checkpoint(path)
            try:
                self.network = I3D(state.get('state_dict', state), **FIGURES[figure])
            except ValueError as error:
                raise ValueError(f'{figure}: {source} holds no I3D; give one as TorchScript or '
                                 f'as a state dict ({error})') from error
            self.network.to(device)
            self.flags = {}

    @torch.inference_mode()
    def __call__(self, clips: Tensor) -> NDArray[np.float64]:
        """(N, C, T, H, W) uint8 clips → (N, D) features."""
        self.provenance['frames'] = clips.shape[2]
        features = [self._features(clips[i:i + BATCH]) for i in range(0, len(clips), BATCH)]
        return torch.cat(features).double().cpu().numpy()

    def _features(self, clips: Tensor) -> Tensor:
        images = to_unit(clips.to(self.device)).expand(-1, 3, -1, -1, -1)
        images = F.interpolate(images, size=(images.shape[2], SIZE, SIZE), mode='trilinear')
        try:
            output = self.network(images, **self.flags)
        except RuntimeError as error:
            raise ValueError(f'{self.name}: {self.source} cannot take clips of the shape '
                             f'{tuple(images.shape)} ({str(error).splitlines()[-1][:200]}); '
                             'give an I3D') from error
        if not isinstance(output, Tensor) or output.ndim != 2 or len(output) != len(clips):
            shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(f'{self.name}: {self.source} must return (N, D) features of N = '
                             f'{len(clips)} clips, but returned {shape}; give an I3D')
        return output.float()


def fetch(source: str | Path) -> Path:
    """The file itself, or for a URL its copy in PyTorch's cache, made when it is first needed.

    Raises:
        OSError: if it can't be had.
    """
    url = urlparse(str(source))
    if url.scheme not in ('http', 'https'):
        return Path(source)
    cached = Path(torch.hub.get_dir()) / 'checkpoints' / Path(url.path).name
    if not cached.is_file():
        cached.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(str(source), str(cached))
        except OSError as error:
            raise OSError(f'{source} cannot be fetched ({error}); give a file') from error
    return cached


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        if not path.is_file():
            raise FileNotFoundError(f'{path}: there is no such file')
        return False
    with zipfile.ZipFile(path) as archive:
        return any('/code/' in name for name in archive.namelist())
