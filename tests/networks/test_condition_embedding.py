import math

import pytest
import torch
from torch.testing import assert_close

from lddm_aug.networks.condition_embedding import FLOOR, TextEmbedding


def test_texts_are_whitened_but_for_directions_in_which_they_hardly_vary():
    torch.manual_seed(0)
    axes = torch.linalg.qr(torch.randn(6, 6))[0]
    scales = torch.tensor([3., 1., 0.3, 0.1, 0.01, 0.])
    texts = torch.randn(20000, 6) * scales @ axes.T + 5
    part = TextEmbedding(6, 8)
    part.fit(texts)
    white = part.standardised(texts)
    assert_close(white.mean(dim=0), torch.zeros(6), atol=1e-3, rtol=0)
    along = (white @ axes).var(dim=0)                # v / (v + FLOOR · Σv)
    expected = scales ** 2 / (scales ** 2 + FLOOR * scales.square().sum())
    assert_close(along, expected, atol=0.01, rtol=0.02)
    # it turns nothing: a text moves along the axis along which it differed
    moved = part.standardised(texts[:1] + axes[:, 0]) - part.standardised(texts[:1])
    assert (moved[0] @ axes[:, 0] / moved.norm()).item() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize('texts', [torch.zeros(0, 6), torch.ones(1, 6), torch.ones(5, 6)])
def test_of_one_text_nothing_is_learnt(texts):
    part = TextEmbedding(6, 8)
    part.fit(texts)
    assert_close(part.standardised(torch.ones(1, 6)), torch.full((1, 6), math.sqrt(6)))
