"""The networks that look at clips, as a tool's command line names them."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lddm_aug.evaluation.i3d_features import I3DFeatures
from lddm_aug.evaluation.image_quality import LPIPSDistance, VGGDistance
from lddm_aug.hardware import available_device

# path or URL, frame stride, device → a network
Loader = Callable[[str, float, torch.device], Any]


class _Argument(NamedTuple):
    help: str
    metavar: str
    load: Loader


_ARGUMENTS: dict[str, _Argument] = {}


def register_network(name: str, help: str, metavar: str = 'PATH') -> Callable[[Loader], Loader]:
    """Give every tool that evaluates clips an option `--NAME` for a network.

    The function loads it: from a path or URL, for clips of a frame stride, on a device.  Metrics
    find it as `evaluation.networks[NAME]`.  It has a `name` and, for the record, a `provenance`,
    which is a dict with at least its `sha256`.

    Raises:
        ValueError: if there is one of this name.
    """
    if name in _ARGUMENTS:
        raise ValueError(f'register_network: there is a network {name!r} already; choose another '
                         'name')

    def register(load: Loader) -> Loader:
        _ARGUMENTS[name] = _Argument(help, metavar, load)
        return load

    return register


@register_network('vgg', "state dict of torchvision's VGG or of style transfer's, for DIV and an "
                         'LPIPS-like distance')
def _vgg(source: str, frame_stride: float, device: torch.device) -> VGGDistance:
    return VGGDistance(source, device)


@register_network('lpips', "state dict of torchvision's vgg16 or alexnet, for LPIPS")
def _lpips(source: str, frame_stride: float, device: torch.device) -> LPIPSDistance:
    return LPIPSDistance(source, device)


@register_network('i3d', 'I3D trained on Kinetics, for FVD and DIV', metavar='PATH|URL')
def _i3d(source: str, frame_stride: float, device: torch.device) -> I3DFeatures:
    return I3DFeatures(source, 'FVD', frame_stride, device)


@register_network('dti3d', 'I3D trained on dynamic textures, for DTFVD and DIV',
                  metavar='PATH|URL')
def _dti3d(source: str, frame_stride: float, device: torch.device) -> I3DFeatures:
    return I3DFeatures(source, 'DTFVD', frame_stride, device)


def add_network_arguments(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Returns their group, to which a tool may add more."""
    group = parser.add_argument_group('networks that look at the clips, each if it is given')
    for name, argument in _ARGUMENTS.items():
        group.add_argument(f'--{name}', metavar=argument.metavar, help=argument.help)
    return group


def load_networks(args: argparse.Namespace, frame_stride: float = 3) -> dict[str, Any]:
    """Those that `args` names, by name, on its device.

    Args:
        frame_stride: frames of the source video from one frame of the clips to the next.

    Raises:
        FileNotFoundError: naming the option whose file isn't there.
    """
    given = {name: source for name in _ARGUMENTS if (source := getattr(args, name))}
    for name, source in given.items():
        if '://' not in source and not Path(source).is_file():
            raise FileNotFoundError(f'--{name}: there is no file {source}; give its path, or leave '
                                    'it out, and the figures that need it are left out too')
    device = available_device(args.device)
    return {name: _ARGUMENTS[name].load(source, frame_stride, device)
            for name, source in given.items()}
