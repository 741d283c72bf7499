import pytest
import torch
from torch.testing import assert_close

from lddm_aug.networks.condition_embedding import TextEmbedding


def spoken_of(number):
    """Texts that say to the left or the right in one axis of six, latents that move so, groups."""
    torch.manual_seed(0)
    texts, sides = torch.randn(number, 6), torch.arange(number) % 2
    texts[:, 5] = 0.15 * (2. * sides - 1)            # the smallest difference of all
    latents = [torch.randn(2, 2, 3, 3) + 2. * side for side in sides.tolist()]
    return texts, latents, [f'p{place // 3}' for place in range(number)], sides


def test_a_text_counts_by_what_it_says_of_clips():
    texts, latents, groups, sides = spoken_of(300)
    part = TextEmbedding(6, 8)
    part.fit(texts, latents, groups)
    scores = part.standardised(texts)
    agreed = ((scores[:, 0] > 0) == (sides == 1)).float().mean().item()
    assert max(agreed, 1 - agreed) > 0.95
    assert scores[:, 0].std() > 5 * scores[:, 1:].std(dim=0).max()   # the others say nothing
    assert part.standardised(1000 * texts).abs().max() <= 4


def test_directions_that_a_package_knows_are_kept():
    texts, latents, groups, _ = spoken_of(30)
    part = TextEmbedding(6, 8)
    part.fit(texts, latents, groups)
    before = part.standardised(texts)
    part.fit(texts + 5, latents[::-1], groups)
    assert_close(part.standardised(texts), before)


@pytest.mark.parametrize('texts', [torch.zeros(0, 6), torch.ones(1, 6), torch.ones(5, 6)])
def test_of_one_text_nothing_is_learnt(texts):
    part = TextEmbedding(6, 8)
    part.fit(texts, [torch.randn(2, 2, 3, 3)] * len(texts), ['p'] * len(texts))
    assert not part.standardised(torch.randn(3, 6)).any()
