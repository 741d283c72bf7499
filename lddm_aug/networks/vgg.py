"""Features of a VGG (Simonyan and Zisserman 2015) from a file of its weights."""
from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lddm_aug.checkpoints import read_checkpoint

# Of ImageNet's RGB images in [0, 1], as in torchvision's trainings.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class VGGFeatures(nn.Module):
    """(N, C, H, W) images in [−1, 1], grey or RGB → features before each pooling and at the end.

    A state dict has no pooling layers, but its keys reveal them: layers without weights skip a
    number.  Two published forms are recognized:

    - torchvision's (`features.0.weight`, …; a classifier is ignored): zero padding, images
      standardised by ImageNet's mean and standard deviation;
    - that of style transfer (`0.weight`, …): reflection padding, and a first 1 × 1 convolution that
      converts RGB in [0, 1] to the input of the network.

    Gradients reach the images, never the weights.

    Args:
        path: of the state dict.

    Raises:
        FileNotFoundError: if the file doesn't exist.
        ValueError: if it contains no VGG of these forms.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        weights = _convolutions(path)
        numbers = sorted(weights)
        self.recodes = weights[numbers[0]][0].shape[2:] == (1, 1)
        ordinary = 3 if self.recodes else 2          # from one convolution to the next: ReLU, pad
        self.convolutions = nn.ModuleList([_convolution(*weights[number]) for number in numbers])
        start = 1 if self.recodes else 0
        steps = [after - before for before, after in zip(numbers[start:], numbers[start + 1:],
                                                         strict=False)]
        if not set(steps) <= {ordinary, ordinary + 1}:
            raise ValueError(f'VGGFeatures: the convolutions in {path} are numbered {numbers}, as '
                             "in no VGG known here; take torchvision's without batch norm")
        self.pools_after = [step > ordinary for step in steps] + [False]
        self.register_buffer('mean', torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer('std', torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    @property
    def min_size(self) -> int:
        """Smallest height and width that all poolings, and padding by reflection, work on."""
        return 2 ** (sum(self.pools_after) + self.recodes)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, C, H, W) → [(N, C₁, H, W), (N, C₂, H/2, W/2), …]."""
        self._check(images)
        x = (images.expand(-1, 3, -1, -1) + 1) / 2
        layers = iter(self.convolutions)
        x = next(layers)(x) if self.recodes else (x - self.mean) / self.std
        features = []
        for layer, pools in zip(layers, self.pools_after, strict=True):
            x = F.relu(layer(F.pad(x, (1, 1, 1, 1), 'reflect' if self.recodes else 'constant')))
            if pools:
                features.append(x)
                x = F.max_pool2d(x, 2)
        return [*features, x]

    def _check(self, images: Tensor) -> None:
        if images.ndim != 4 or images.shape[1] not in (1, 3) or min(
                images.shape[2:]) < self.min_size:
            raise ValueError('VGGFeatures: images must be (N, 1 or 3, H, W) with H and W from '
                             f'{self.min_size} on, but got {tuple(images.shape)}')


def _convolutions(path: str | Path) -> dict[int, tuple[Tensor, Tensor]]:
    """Number of the layer → its weight and bias, with their shapes checked."""
    state = read_checkpoint(path)
    state = {name.removeprefix('features.'): value for name, value in state.items()}
    numbers = sorted(int(name.split('.')[0]) for name in state
                     if name.endswith('.weight') and name.split('.')[0].isdecimal())
    try:
        found = {number: (state[f'{number}.weight'], state[f'{number}.bias'])
                 for number in numbers}
        channels = 3
        for number, (weight, bias) in found.items():
            kernel = (1, 1) if number == 0 and weight.shape[2:] == (1, 1) else (3, 3)
            if tuple(weight.shape) != (len(bias), channels, *kernel):
                raise ValueError(f'layer {number} has the shape {tuple(weight.shape)} after '
                                 f'{channels} channels')
            channels = len(bias)
        if len(found) < 2:
            raise ValueError('it has no two numbered convolutions')
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f'VGGFeatures: {path} holds no VGG ({error}); give the state dict of one, '
                         "such as torchvision's vgg16") from error
    return found


def _convolution(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[-1])
    layer.load_state_dict(dict(weight=weight, bias=bias))
    return layer
