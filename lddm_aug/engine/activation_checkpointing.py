"""Which blocks of a generator's models are computed again in place of keeping what is in them."""
from __future__ import annotations

from torch import nn

from lddm_aug.networks.decoder import AdaINBlock
from lddm_aug.networks.denoiser import DenoiserBlock
from lddm_aug.networks.encoder import BasicBlock3d

# Not those of cINN as published: to compute their spectral norms again would change them.
BLOCKS = (AdaINBlock, BasicBlock3d, DenoiserBlock)


def blocks_to_recompute(model: nn.Module) -> list[str]:
    """Names of the trained blocks of encoder, decoder and denoiser, for MMEngine's Runner.

    With them as `activation_checkpointing` in its config, a step keeps a block's input alone and
    computes the block once more for its gradients (Chen et al. 2016).
    """
    return [name for name, module in model.named_modules() if isinstance(module, BLOCKS)
            and any(weight.requires_grad for weight in module.parameters())]
