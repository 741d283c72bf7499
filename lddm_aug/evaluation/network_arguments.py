"""The networks that look at clips, as a tool's command line names them."""
from __future__ import annotations

import argparse
from pathlib import Path

from lddm_aug.evaluation.i3d_features import I3DFeatures
from lddm_aug.evaluation.image_quality import LPIPSDistance, VGGDistance
from lddm_aug.evaluation.recognizer_features import FeatureNetwork
from lddm_aug.evaluation.synthesis import EvaluationNetworks
from lddm_aug.hardware import available_device


def add_network_arguments(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Returns their group, to which a tool may add more."""
    group = parser.add_argument_group('networks that look at the clips, each if it is given')
    group.add_argument('--vgg', metavar='PATH',
                       help="state dict of torchvision's VGG or of style transfer's, for DIV and "
                            'an LPIPS-like distance')
    group.add_argument('--lpips', metavar='PATH',
                       help="state dict of torchvision's vgg16 or alexnet, for LPIPS")
    group.add_argument('--i3d', metavar='PATH|URL', help='I3D trained on Kinetics, for FVD and DIV')
    group.add_argument('--dti3d', metavar='PATH|URL',
                       help='I3D trained on dynamic textures, for DTFVD and DIV')
    return group


def load_networks(args: argparse.Namespace, frame_stride: float = 3,
                  fd: FeatureNetwork | None = None) -> EvaluationNetworks:
    """Those that `args` names, and `fd`, on the device of `args`.

    Args:
        frame_stride: frames of the source video from one frame of the clips to the next.

    Raises:
        FileNotFoundError: naming the option whose file isn't there.
    """
    for name in ('vgg', 'lpips', 'i3d', 'dti3d'):
        path = getattr(args, name)
        if path and '://' not in path and not Path(path).is_file():
            raise FileNotFoundError(f'--{name}: there is no file {path}; give its path, or leave '
                                    'it out, and the figures that need it are left out too')
    device = available_device(args.device)
    return EvaluationNetworks(
        fd=fd,
        lpips=args.lpips and LPIPSDistance(args.lpips, device),
        vgg=args.vgg and VGGDistance(args.vgg, device),
        i3d=args.i3d and I3DFeatures(args.i3d, 'FVD', frame_stride, device),
        dti3d=args.dti3d and I3DFeatures(args.dti3d, 'DTFVD', frame_stride, device))
