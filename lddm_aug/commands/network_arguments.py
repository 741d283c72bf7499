"""The networks that look at clips, as a tool's command line names them."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

from lddm_aug.discovery import import_submodules
from lddm_aug.evaluation.i3d_features import I3DFeatures
from lddm_aug.evaluation.image_quality import LPIPSDistance, VGGDistance
from lddm_aug.evaluation.networks import register_network, registered_networks
from lddm_aug.hardware import available_device

METRICS = 'lddm_aug.evaluation.synthesis_metrics'


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
    """Those of all metrics; returns their group, to which a tool may add more."""
    import_submodules(METRICS)                       # a metric's file may register its own
    group = parser.add_argument_group('networks that look at the clips, each if it is given')
    for name, option in registered_networks().items():
        group.add_argument(f'--{name}', metavar=option.metavar, help=option.help)
    return group


def load_networks(args: argparse.Namespace, frame_stride: float = 3) -> dict[str, Any]:
    """Those that `args` names, by name, on its device.

    Args:
        frame_stride: frames of the source video from one frame of the clips to the next.

    Raises:
        FileNotFoundError: naming the option whose file isn't there.
    """
    options = registered_networks()
    given = {name: source for name in options if (source := getattr(args, name))}
    for name, source in given.items():
        if '://' not in source and not Path(source).is_file():
            raise FileNotFoundError(f'--{name}: there is no file {source}; give its path, or leave '
                                    'it out, and the figures that need it are left out too')
    device = available_device(args.device)
    return {name: options[name].load(source, frame_stride, device)
            for name, source in given.items()}
