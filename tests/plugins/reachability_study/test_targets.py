"""Targets against their closed forms."""

import pytest
import torch
from diffkit_plugins.reachability_study.targets import (
    Corruption,
    interpolated,
    moment_matched,
    random_directions,
    target_pairs,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def real():
    """Streams whose mean, covariance and scale differ between positions and dimensions."""
    mix = torch.randn(3, 6, 6, generator=generator(1))
    offset = 5 * torch.randn(3, 6, generator=generator(2))
    return (
        torch.einsum("nlh,lhk->nlk", torch.randn(400, 3, 6, generator=generator(3)), mix) + offset
    )


def test_matched_targets_have_the_mean_and_covariance_of_each_position(real):
    drawn = moment_matched(real, 40_000, generator())
    for position in range(3):
        own, theirs = real[:, position], drawn[:, position]
        scale = own.T.cov().abs().max()
        torch.testing.assert_close(theirs.mean(0), own.mean(0), atol=0.1, rtol=0)
        torch.testing.assert_close(theirs.T.cov(), own.T.cov(), atol=0.05 * float(scale), rtol=0)


def test_matched_targets_of_two_positions_are_independent(real):
    drawn = moment_matched(real, 40_000, generator())
    both = torch.cat([drawn[:, 0], drawn[:, 1]], dim=1).T.corrcoef()
    assert both[:6, 6:].abs().max() < 0.03


def test_fewer_sequences_than_dimensions_span_what_they_can(real):
    few = real[:4]
    away = moment_matched(few, 50, generator())[:, 0] - few[:, 0].mean(0)
    assert torch.linalg.matrix_rank(away, rtol=1e-4) == 3


def test_raw_targets_have_the_norms_given_and_no_preferred_direction():
    norms = torch.tensor([1.0, 50.0])
    drawn = random_directions(norms, 20_000, 8, generator())
    torch.testing.assert_close(drawn.norm(dim=-1), norms.expand(20_000, 2))
    assert (drawn.mean(0).norm(dim=-1) / norms).max() < 0.03


@pytest.mark.parametrize(("targets", "count"), [(10, 5), (7, 3), (4, 20), (2, 3)])
def test_pairs_are_of_two_targets_each_and_disjoint_while_there_are_enough(targets, count):
    drawn = target_pairs(targets, count, generator())
    assert len(drawn) == count
    assert all(a != b and min(a, b) >= 0 and max(a, b) < targets for a, b in drawn)
    if 2 * count <= targets:
        assert len({side for pair in drawn for side in pair}) == 2 * count


def test_mixtures_are_b_at_0_a_at_1_and_on_their_line_beyond():
    a, b = torch.randn(2, 3, 4, 5, generator=generator())
    torch.testing.assert_close(interpolated(a, b, 0.0), b)
    torch.testing.assert_close(interpolated(a, b, 1.0), a)
    torch.testing.assert_close(interpolated(a, b, 2.0) - a, a - b)
    torch.testing.assert_close(interpolated(a, b, -0.5) - b, (b - a) / 2)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.5, 1.0])
def test_the_same_share_of_dimensions_is_replaced_at_all_positions(real, fraction):
    targets = real[:5]
    replaced = Corruption.draw(real, 5, generator()).apply(targets, fraction) != targets
    assert (replaced == replaced[:, :1]).all()
    assert (replaced[:, 0].sum(dim=1) == round(6 * fraction)).all()


def test_more_replaced_dimensions_include_the_fewer(real):
    corruption = Corruption.draw(real, 5, generator())
    third, half = (corruption.apply(real[:5], fraction) for fraction in (1 / 3, 0.5))
    kept = third != real[:5]
    assert torch.equal(third[kept], half[kept])


def test_replacing_noise_has_each_dimensions_deviation_and_no_mean(real):
    noise = Corruption.draw(real, 20_000, generator()).noise
    torch.testing.assert_close(
        noise.flatten(0, 1).std(0), real.flatten(0, 1).std(0), rtol=0.02, atol=0
    )
    assert (noise.flatten(0, 1).mean(0) / real.flatten(0, 1).std(0)).abs().max() < 0.03


def test_the_same_seed_draws_the_same_targets(real):
    assert torch.equal(moment_matched(real, 3, generator(7)), moment_matched(real, 3, generator(7)))
    assert not torch.equal(
        moment_matched(real, 3, generator(7)), moment_matched(real, 3, generator(8))
    )
