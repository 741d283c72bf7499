"""MMAction2's backbones with fewer channels."""
from __future__ import annotations

from typing import Any

from mmaction.registry import MODELS
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


@MODELS.register_module()
class NarrowBackbone(nn.Module):
    """A backbone of MMAction2 with fewer channels in all layers, for a CPU.

    It is for backbones without an argument for their width, such as C3D and ResNetTSM.  The head's
    `in_channels` must be divided too.

    Args:
        backbone: its config, without pretrained weights.
        divide: divisor of the channels of every layer except the input's.
        in_channels: of the input.

    Raises:
        ValueError: if divide doesn't divide a width, or a layer is of an unknown type.
    """

    def __init__(self, backbone: dict, divide: int, in_channels: int = 3) -> None:
        super().__init__()
        if backbone.get('pretrained') or backbone.get('pretrained2d'):
            raise ValueError('NarrowBackbone: pretrained weights are those of the full width; set '
                             'pretrained=None, and pretrained2d=False where there is one')
        self.backbone = MODELS.build(backbone)
        self.divide = divide
        self.in_channels = in_channels
        self._narrow(self.backbone)

    @property
    def num_segments(self) -> int:
        """The backbone's number of segments; AttributeError where it has none."""
        return self.backbone.num_segments

    def init_weights(self) -> None:
        self.backbone.init_weights()

    def forward(self, x: Tensor) -> Tensor:
        return self.backbone(x)

    def _narrow(self, module: nn.Module) -> None:
        for name, child in module.named_children():
            if isinstance(child, CONVOLUTIONS):
                setattr(module, name, self._convolution(child))
            elif isinstance(child, NORMS):
                setattr(module, name, type(child)(self._width(child.num_features)))
            elif isinstance(child, nn.Linear):
                setattr(module, name, nn.Linear(
                    self._width(child.in_features), self._width(child.out_features),
                    bias=child.bias is not None))
            elif list(child.parameters(recurse=False)):
                raise ValueError('NarrowBackbone: knows convolutions, batch norms and linear '
                                 f'layers, but {name} is a {type(child).__name__}')
            else:
                self._narrow(child)

    def _convolution(self, wide: Any) -> nn.Module:
        if wide.groups != 1:
            raise ValueError('NarrowBackbone: knows no grouped convolutions, but one has '
                             f'groups={wide.groups}')
        return type(wide)(
            wide.in_channels if wide.in_channels == self.in_channels
            else self._width(wide.in_channels), self._width(wide.out_channels),
            wide.kernel_size, wide.stride, wide.padding, wide.dilation, bias=wide.bias is not None)

    def _width(self, channels: int) -> int:
        if self.divide < 1 or channels % self.divide:
            raise ValueError(f'NarrowBackbone: divide must divide every width, but got '
                             f'{self.divide!r} for {channels} channels')
        return channels // self.divide
