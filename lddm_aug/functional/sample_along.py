"""Sampling along one axis at an offset of each position."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_along(x: Tensor, offset: Tensor, dim: int) -> Tensor:
    """y[…, i, …] = x[…, i + offset[…, i, …], …], linear between neighbours and zero outside.

    This is the sampling of a deformable convolution (Dai et al. 2017) with a 1 × 1 kernel and
    offsets along one axis.

    Args:
        x: of any shape.
        offset: in positions along `dim`; of a shape that broadcasts to that of x.
        dim: the axis, counted from the front.

    Returns:
        y, in the shape of x.
    """
    size = x.shape[dim]
    exact = torch.promote_types(offset.dtype, torch.float32)           # 16 bits are too coarse
    here = torch.arange(size, device=x.device, dtype=exact)
    here = here.view(-1, *[1] * (x.ndim - 1 - dim))
    # y is zero from −1 down and from `size` up: x is padded by one zero at each end.
    position = (here + offset).clamp(-1, size)
    # A diverged offset is NaN, which is no index; `share` stays NaN, so that y is too.
    low = position.detach().nan_to_num(0).floor().clamp(max=size - 1)
    share = (position - low).to(x.dtype)                               # of the upper neighbour
    padded = F.pad(x, [0, 0] * (x.ndim - 1 - dim) + [1, 1])
    index = (low.long() + 1).expand(x.shape)                           # in `padded`
    lower, upper = padded.gather(dim, index), padded.gather(dim, index + 1)
    return lower + share * (upper - lower)
