"""Published weights: read, renamed, and loaded only if every one of them fits."""
from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from lddm_aug.checkpoints import OPTIONAL, read_checkpoint

TORCHVISION = 'torchvision://'


class PretrainedBackbone(BaseModule):
    """A backbone with optional pretrained weights, all of which must fit.

    An existing file is loaded when the backbone is built, so that a wrong one fails early.
    Downloads are loaded before the training.

    Args:
        pretrained: a file, or `torchvision://…`; None for none.
        init_cfg: as in MMEngine.
    """

    def __init__(self, pretrained: str | None, init_cfg: dict | None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.pretrained = pretrained

    def from_published(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """All weights of this backbone, from published ones under their published names."""
        raise NotImplementedError

    def init_weights(self) -> None:
        super().init_weights()
        if self.pretrained is not None and not self._is_local():
            self._load_pretrained()

    def _register_segments(self, num_segments: int) -> None:
        """Save the number of segments with the weights, so that loading checks it.

        For a backbone whose weights depend on it although their shapes don't.  Published weights
        don't contain the number.
        """
        self.register_buffer('trained_segments', torch.tensor(num_segments))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        segments = getattr(self, 'trained_segments', None)
        if segments is not None:
            given = state_dict.setdefault(f'{prefix}trained_segments', segments)
            if int(given) != int(segments):
                raise ValueError(
                    f'{type(self).__name__}: the weights were trained with num_segments='
                    f'{int(given)} and are not valid with num_segments={int(segments)}; set '
                    f'num_segments={int(given)}, or train with {int(segments)} from the start')
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _load_local_weights(self) -> None:
        """Load an existing file; subclasses call it at the end of `__init__`."""
        if self._is_local():
            self._load_pretrained()

    def _is_local(self) -> bool:
        return self.pretrained is not None and Path(self.pretrained).expanduser().is_file()

    def _load_pretrained(self) -> None:
        assert self.pretrained is not None
        load_strictly(self, self.from_published(read_weights(self.pretrained)), self.pretrained)


def read_weights(name: str) -> dict[str, Tensor]:
    """The weights in a checkpoint; the EMA weights where it has them.

    Args:
        name: a file, or `torchvision://resnet50` for torchvision's IMAGENET1K_V1 weights of this
            model, which are downloaded once.
    """
    if name.startswith(TORCHVISION):
        from torchvision.models import get_model_weights

        weights = get_model_weights(name.removeprefix(TORCHVISION))['IMAGENET1K_V1']
        content = torch.hub.load_state_dict_from_url(
            weights.url, map_location='cpu', weights_only=True)
    else:
        # Checkpoints often contain the arguments of the training, a class without code.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = read_checkpoint(Path(name).expanduser())
    for key in ('model_ema', 'model', 'state_dict'):
        if isinstance(content.get(key), dict):
            content = content[key]
            break
    return {key.removeprefix('module.'): value for key, value in content.items()
            if isinstance(value, Tensor)}


def rename(weights: Mapping[str, Tensor], rules: Iterable[tuple[str, str]]) -> dict[str, Tensor]:
    """Weights whose names have each rule's pattern replaced at the start, in order."""
    renamed = {}
    for name, weight in weights.items():
        for pattern, replacement in rules:
            name = re.sub(f'^(?:{pattern})', replacement, name)
        renamed[name] = weight
    return renamed


def load_strictly(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copy weights into a module that has exactly these, in these shapes.

    Counters of batches may be missing, as in older checkpoints.

    Raises:
        ValueError: if a weight is unexpected, missing, or of another shape.
    """
    own = module.state_dict()
    missing = [name for name in own
               if name not in weights and not name.endswith(OPTIONAL)]
    unexpected = [name for name in weights if name not in own]
    reshaped = [name for name, weight in weights.items()
                if name in own and weight.shape != own[name].shape]
    for names, problem in ((unexpected, 'unexpected'), (missing, 'missing'),
                           (reshaped, 'of another shape')):
        if names:
            raise ValueError(
                f'{type(module).__name__}: the weights of {source} must fit one by one, but '
                f'{len(names)} are {problem} ({names[0]}, …); set the depth and width that they '
                'were trained with, or give other weights')
    try:
        module.load_state_dict(dict(weights), strict=False)
    except ValueError as error:
        raise ValueError(f'{source}: {error}') from error
