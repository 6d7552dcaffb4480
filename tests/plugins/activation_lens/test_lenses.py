"""The bound lets noise pass as rarely as it says."""

import pytest
import torch
from diffkit_plugins.activation_lens.lenses import LensScores, significance_bound
from scipy.stats import t

from diffkit.maths import jackknife


@pytest.mark.parametrize(("tokens", "groups"), [(1, 2), (1_000, 8), (150_000, 16)])
def test_the_bound_is_students_with_bonferronis_share(tokens, groups):
    assert t.sf(significance_bound(tokens, groups), groups - 1) * tokens == pytest.approx(0.05)


def test_noise_alone_rarely_lets_any_token_pass():
    generator, tables, groups = torch.Generator().manual_seed(0), 400, 8
    alarms = 0
    for _ in range(tables):
        means = torch.randn(groups, 200, generator=generator, dtype=torch.float64)
        whole = means.mean(0)
        without = (groups * whole - means) / (groups - 1)
        errors = jackknife(whole, without, torch.ones(groups))
        alarms += bool(LensScores(whole, errors, groups).passing.any())
    assert 0 < alarms / tables < 0.08


def test_a_promotion_far_above_its_error_passes_and_a_demotion_does_not():
    values, errors = torch.tensor([9.0, 9.0, -9.0]).double(), torch.tensor([0.1, 9, 0.1]).double()
    assert LensScores(values, errors, 8).passing.tolist() == [True, False, False]


def test_without_errors_nothing_is_known():
    scores = LensScores(torch.ones(3).double(), None, 0)
    assert scores.bound is None
    assert not scores.passing.any()
