"""Fetching each value from somewhere else along one axis."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sample_along(x: Tensor, offset: Tensor, dim: int) -> Tensor:
    """y[…, i, …] = x[…, i + offset[…, i, …], …], linear between neighbours and zero outside.

    The same as a deformable convolution (Dai et al. 2017) whose kernel is 1 × 1 and whose offsets
    point along one axis only, before it mixes channels.

    Args:
        x: of any shape.
        offset: in positions along `dim`; of a shape that broadcasts to that of x.
        dim: the axis, counted from the front.

    Returns:
        In the shape of x.
    """
    size = x.shape[dim]
    exact = torch.promote_types(offset.dtype, torch.float32)           # 16 bits count too coarsely
    here = torch.arange(size, device=x.device, dtype=exact)
    here = here.view(-1, *[1] * (x.ndim - 1 - dim))
    # Beyond −1 and `size` all is zero, and a frame of zeros stands around x for that.
    position = (here + offset).clamp(-1, size)
    # A diverged offset is no number, which is no place to read; the share below still tells.
    low = position.detach().nan_to_num(0).floor().clamp(max=size - 1)
    share = (position - low).to(x.dtype)                               # of the upper neighbour
    framed = F.pad(x, [0, 0] * (x.ndim - 1 - dim) + [1, 1])
    index = (low.long() + 1).expand(x.shape)                           # in `framed`
    lower, upper = framed.gather(dim, index), framed.gather(dim, index + 1)
    return lower + share * (upper - lower)
