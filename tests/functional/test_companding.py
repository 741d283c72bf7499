import torch
from scipy.stats import kurtosis
from torch.testing import assert_close

from lddm_aug.functional.companding import compress, expand


def test_expanding_undoes_it_for_values_far_out_too():
    x = torch.linspace(-40, 40, 1001)
    assert_close(expand(compress(x)), x, rtol=1e-4, atol=1e-5)


def test_a_standard_normal_distribution_keeps_its_variance():
    quantiles = torch.linspace(1e-6, 1 - 1e-6, 100001).double()
    normal = torch.distributions.Normal(0., 1.).icdf(quantiles)
    assert_close(compress(normal).std(), torch.tensor(1.).double(), rtol=0, atol=1e-3)


def test_heavy_tails_become_light():
    tails = torch.distributions.StudentT(torch.tensor(5.)).sample((100000,))
    assert kurtosis(compress(tails)) < 0.1 * kurtosis(tails)
