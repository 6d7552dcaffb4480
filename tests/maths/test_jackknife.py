import numpy as np
import pytest
import torch

from diffkit.maths import jackknife


def groups(values, sizes):
    return np.split(values, np.cumsum(sizes)[:-1])


def estimates(values, sizes, function):
    parts = groups(values, sizes)
    without = [
        function(np.concatenate(parts[:i] + parts[i + 1 :]).mean(0)) for i in range(len(parts))
    ]
    return (
        torch.tensor(function(values.mean(0))),
        torch.tensor(np.array(without)),
        torch.tensor(sizes, dtype=torch.float64),
    )


def test_of_a_mean_left_one_by_one_it_is_the_standard_error():
    values = np.random.default_rng(0).normal(size=(20, 3))
    found = jackknife(*estimates(values, [1] * 20, lambda mean: mean))
    np.testing.assert_allclose(found, values.std(0, ddof=1) / 20**0.5)


def test_groups_of_one_size_give_the_usual_formula():
    values = np.random.default_rng(1).normal(size=(24, 3)) + 2
    whole, without, sizes = estimates(values, [4] * 6, lambda mean: np.log(mean**2))
    usual = np.sqrt(5 / 6 * ((without - without.mean(0)) ** 2).numpy().sum(0))
    np.testing.assert_allclose(jackknife(whole, without, sizes), usual)


def test_groups_of_unequal_sizes_against_the_printed_formula():
    values, sizes = np.random.default_rng(2).normal(size=(30, 1)), [3, 5, 9, 13]
    whole, without, counts = estimates(values, sizes, np.exp)
    n, g = 30, 4
    estimate = g * whole - sum((1 - m / n) * t for m, t in zip(sizes, without, strict=True))
    terms = [
        (n / m * whole - (n / m - 1) * t - estimate) ** 2 / (n / m - 1)
        for m, t in zip(sizes, without, strict=True)
    ]
    assert jackknife(whole, without, counts).item() == pytest.approx(float(sum(terms) / g) ** 0.5)


def test_groups_of_unequal_sizes_are_right_on_average():
    generator, sizes = np.random.default_rng(3), [10, 20, 30, 40, 50, 50]
    draws = generator.normal(size=(400, 200, 1))
    squares = [jackknife(*estimates(d, sizes, lambda mean: mean)).item() ** 2 for d in draws]
    assert np.mean(squares) == pytest.approx(1 / 200, rel=0.15)


def test_no_difference_between_groups_is_no_error():
    same = torch.full((2,), 2.0)
    found = jackknife(torch.tensor(2.0), same, torch.tensor([1.0, 3.0]))
    assert found.item() == pytest.approx(0, abs=1e-12)
