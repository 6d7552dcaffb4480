from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diffkit.maths import VectorMoments


def naive(values, present):
    """Mean and standard error of each slot over the samples that reach it."""
    slots = range(values.shape[1])
    kept = [values[present[:, slot], slot].double() for slot in slots]
    means = [rows.mean(0) for rows in kept]
    errors = [rows.std(0) / len(rows) ** 0.5 for rows in kept]
    return torch.stack(means), torch.stack(errors)


@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 12), max_size=3))
@settings(max_examples=40, deadline=None)
def test_batches_give_the_moments_of_all_samples(seed, cuts):
    generator = torch.manual_seed(seed)
    values = torch.randn(12, 3, 2, 4, generator=generator)
    present = torch.rand(12, 3, generator=generator) < 0.7
    present[:2] = True
    found = VectorMoments.empty(3, 2, 4)
    edges = [0, *sorted(cuts), 12]
    for start, stop in pairwise(edges):
        found = found.add(values[start:stop], present[start:stop])
    mean, error = naive(values, present)
    torch.testing.assert_close(found.mean, mean)
    torch.testing.assert_close(found.standard_error, error)
    assert found.count.tolist() == present.sum(0).tolist()


def test_merging_is_the_same_as_adding():
    values, present = torch.randn(9, 2, 3), torch.rand(9, 2) < 0.6
    parts = [VectorMoments.empty(2, 3).add(values[i::3], present[i::3]) for i in range(3)]
    whole, once = VectorMoments.merged(parts), VectorMoments.empty(2, 3).add(values, present)
    torch.testing.assert_close(whole.mean, once.mean)
    torch.testing.assert_close(whole.squares, once.squares)


def test_what_is_missing_may_be_anything():
    values = torch.tensor([[[1.0], [float("nan")]], [[3.0], [float("inf")]]])
    found = VectorMoments.empty(2, 1).add(values, torch.tensor([[True, False]] * 2))
    assert found.mean.tolist() == [[2.0], [0.0]]
    assert found.standard_error[0].item() == pytest.approx(1)
    assert found.standard_error[1].isnan()


def test_a_large_offset_costs_no_accuracy():
    values = 1e8 + torch.tensor([4.0, 7.0, 13.0, 16.0], dtype=torch.float64).reshape(4, 1, 1)
    present = torch.ones(4, 1, dtype=torch.bool)
    found = VectorMoments.empty(1, 1)
    for row in range(4):
        found = found.add(values[row : row + 1], present[:1])
    assert found.standard_error.item() == pytest.approx((30 / 4) ** 0.5)


def test_low_precision_is_summed_in_float64():
    values = torch.full((4000, 1, 1), 0.1, dtype=torch.bfloat16)
    found = VectorMoments.empty(1, 1).add(values, torch.ones(4000, 1, dtype=torch.bool))
    assert found.mean.item() == pytest.approx(float(values[0, 0, 0]), rel=1e-14)
