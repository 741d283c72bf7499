"""Weights that others trained: read, renamed, and loaded only if every one of them fits."""
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
    """A backbone that may start from published weights, all of which must fit.

    A file that is there is loaded when the backbone is built, so that a wrong one is refused then;
    what has to be downloaded is loaded before the training.

    Args:
        pretrained: a file, or `torchvision://…`; None for none.
        init_cfg: as in MMEngine.
    """

    def __init__(self, pretrained: str | None, init_cfg: dict | None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.pretrained = pretrained

    def from_published(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """All weights of this backbone, from published ones under their own names."""
        raise NotImplementedError

    def init_weights(self) -> None:
        super().init_weights()
        if self.pretrained is not None and not self._is_at_hand():
            self._load_pretrained()

    def _keep_segments(self, num_segments: int) -> None:
        """Save the number of segments with the weights, which then load into no other number.

        For a backbone whose weights mean something else between other segments.  Their shapes
        don't tell, and published weights don't have the number.
        """
        self.register_buffer('trained_segments', torch.tensor(num_segments))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        segments = getattr(self, 'trained_segments', None)
        if segments is not None:
            given = state_dict.setdefault(f'{prefix}trained_segments', segments)
            if int(given) != int(segments):
                raise ValueError(
                    f'{type(self).__name__}: the weights were trained with num_segments='
                    f'{int(given)} and mean something else with num_segments={int(segments)}; set '
                    f'num_segments={int(given)}, or train with {int(segments)} from the start')
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _load_what_is_at_hand(self) -> None:
        """For the end of a subclass's `__init__`."""
        if self._is_at_hand():
            self._load_pretrained()

    def _is_at_hand(self) -> bool:
        return self.pretrained is not None and Path(self.pretrained).expanduser().is_file()

    def _load_pretrained(self) -> None:
        assert self.pretrained is not None
        load_strictly(self, self.from_published(read_weights(self.pretrained)), self.pretrained)


def read_weights(name: str) -> dict[str, Tensor]:
    """The weights in a checkpoint, of what was averaged over the training where it holds both.

    Args:
        name: a file, or `torchvision://resnet50` for torchvision's first ImageNet weights of it,
            which are downloaded once.
    """
    if name.startswith(TORCHVISION):
        from torchvision.models import get_model_weights

        weights = get_model_weights(name.removeprefix(TORCHVISION))['IMAGENET1K_V1']
        content = torch.hub.load_state_dict_from_url(
            weights.url, map_location='cpu', weights_only=True)
    else:
        # The arguments of a training often lie beside its weights; they do nothing by themselves.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = read_checkpoint(Path(name).expanduser())
    for key in ('model_ema', 'model', 'state_dict'):
        if isinstance(content.get(key), dict):
            content = content[key]
            break
    return {key.removeprefix('module.'): value for key, value in content.items()
            if isinstance(value, Tensor)}


def rename(weights: Mapping[str, Tensor], rules: Iterable[tuple[str, str]]) -> dict[str, Tensor]:
    """What a regular expression finds at the start of a name becomes its replacement, in turn."""
    renamed = {}
    for name, weight in weights.items():
        for pattern, replacement in rules:
            name = re.sub(f'^(?:{pattern})', replacement, name)
        renamed[name] = weight
    return renamed


def load_strictly(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copy weights into a module that has exactly these, in these shapes.

    Counters of batches may be absent; older checkpoints lack them.

    Raises:
        ValueError: if one is left over, lacking, or has another shape.
    """
    own = module.state_dict()
    lacking = [name for name in own
               if name not in weights and not name.endswith(OPTIONAL)]
    left_over = [name for name in weights if name not in own]
    reshaped = [name for name, weight in weights.items()
                if name in own and weight.shape != own[name].shape]
    for names, what in ((left_over, 'has no place for'), (lacking, 'is not given'),
                        (reshaped, 'has another shape of')):
        if names:
            raise ValueError(
                f'{type(module).__name__}: the weights of {source} must fit one by one, but it '
                f'{what} {len(names)} of them ({names[0]}, …); give it the depth and width '
                'that they were trained with, or other weights')
    try:
        module.load_state_dict(dict(weights), strict=False)
    except ValueError as error:
        raise ValueError(f'{source}: {error}') from error
