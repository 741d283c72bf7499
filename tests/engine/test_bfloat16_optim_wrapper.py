from __future__ import annotations

import torch
from mmaction.registry import OPTIM_WRAPPERS


def test_products_are_in_bfloat16_and_weights_in_float32():
    layer = torch.nn.Linear(3, 3)
    wrapper = OPTIM_WRAPPERS.build(dict(
        type='Bfloat16OptimWrapper', optimizer=torch.optim.SGD(layer.parameters(), lr=1.)))
    with wrapper.optim_context(layer):
        out = layer(torch.ones(1, 3))
    assert out.dtype == torch.bfloat16
    before = layer.bias.detach().clone()
    wrapper.update_params(out.float().sum())
    assert layer.bias.dtype == torch.float32
    assert torch.equal(layer.bias, before - 1)
