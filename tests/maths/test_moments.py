import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffkit.maths import LogHistogram, Moments, log_edges

VALUES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30)


@given(values=VALUES, cut=st.integers(0, 30))
@settings(max_examples=50, deadline=None)
def test_batches_give_the_moments_of_all_values(values, cut):
    both = torch.tensor(values, dtype=torch.float64)
    found = Moments().add(both[:cut]).add(both[cut:])
    assert found.count == len(values)
    assert found.mean == pytest.approx(both.mean().item(), abs=1e-9)
    assert found.variance == pytest.approx(both.var().item(), rel=1e-7, abs=1e-9)
    assert found.standard_error == pytest.approx(math.sqrt(found.variance / len(values)))


def test_merging_is_the_same_as_adding():
    one, other = torch.randn(7), torch.randn(5)
    merged = Moments().add(one).merge(Moments().add(other))
    together = Moments().add(torch.cat([one, other]))
    assert merged.mean == pytest.approx(together.mean)
    assert merged.variance == pytest.approx(together.variance)


def test_a_large_offset_costs_no_accuracy():
    values = 1e8 + torch.tensor([4.0, 7.0, 13.0, 16.0], dtype=torch.float64)
    assert Moments().add(values[:1]).add(values[1:]).variance == pytest.approx(30)


def test_too_few_values_have_no_spread():
    assert Moments().mean == 0
    assert math.isnan(Moments().variance)
    assert math.isnan(Moments().add(torch.ones(1)).standard_error)


def test_quantiles_are_right_to_a_bin():
    torch.manual_seed(0)
    values = torch.randn(4000).exp() * 0.01
    found = LogHistogram()
    for batch in values.split(700):
        found = found.add(batch)
    assert found.count == 4000
    for q in (0.01, 0.25, 0.5, 0.9, 0.99):
        exact = torch.quantile(values, q).item()
        assert found.quantile(q) == pytest.approx(exact, rel=10 ** (1 / 20) - 1)


def test_zeros_and_outliers_have_their_own_bins():
    found = LogHistogram().add(torch.tensor([0.0, 0.0, 0.0, 1.0, 1e9]))
    assert found.quantile(0.5) == 0
    assert found.quantile(1.0) == pytest.approx(100)
    assert found.counts.sum() == 5
    assert math.isnan(LogHistogram().quantile(0.5))


def test_edges_are_log_spaced():
    edges = log_edges(1e-3, 1e1, 2)
    assert len(edges) == 9
    assert edges[0].item() == pytest.approx(1e-3)
    assert edges[-1].item() == pytest.approx(10)
    torch.testing.assert_close(edges[1:] / edges[:-1], torch.full((8,), math.sqrt(10)).double())
