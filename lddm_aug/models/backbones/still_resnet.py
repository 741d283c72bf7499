"""The condition network of cINN: a ResNet-50 over the still."""
from __future__ import annotations

from mmaction.registry import MODELS
from torch import Tensor, nn
from torchvision.models import resnet50

from lddm_aug.models.backbones.pretrained import PretrainedBackbone

WIDTH = 2048                                         # of a ResNet-50's last features


@MODELS.register_module()
class StillResNet(PretrainedBackbone):
    """(B, C, H, W) still → its (B, channels, 1, 1) vector; the condition network of cINN.

    A ResNet-50 with instance norm and 1 × 1 convolution, 23.98 M parameters for 128 channels.
    Dorkenwald et al. 2021 train it as an autoencoder's encoder and freeze it.  Here it is trained
    together with the flow, from ImageNet's convolutions with `pretrained`.  As published, its last
    layer also outputs a log variance, which is not used.

    Args:
        channels: of the vector.
        pretrained: `torchvision://resnet50`, or a file of a torchvision ResNet-50's weights; None
            for none.
        init_cfg: as in MMEngine.
    """

    def __init__(self, channels: int = 128, pretrained: str | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(pretrained, init_cfg)
        network = resnet50(norm_layer=nn.InstanceNorm2d)
        network.fc = nn.Identity()
        self.network = network
        self.out_channels = channels
        self.to_vector = nn.Conv2d(WIDTH, 2 * channels, 1)
        self._load_local_weights()

    def forward(self, still: Tensor) -> Tensor:
        features = self.network(still.expand(-1, 3, -1, -1))          # (B, 2048)
        mean, _ = self.to_vector(features[..., None, None]).chunk(2, dim=1)
        return mean

    def from_published(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Its convolutions; instance norm has no weights, and the classifier is dropped."""
        convolutions = {f'network.{name}': weight for name, weight in weights.items()
                        if weight.ndim == 4}
        own = {name: weight for name, weight in self.state_dict().items()
               if name.startswith('to_vector.')}
        return convolutions | own
