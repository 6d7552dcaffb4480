import pytest
import torch
from diffkit_plugins.steering_prefix.search import CandidatePool, ScoredPrefix
from diffkit_plugins.steering_prefix.search.candidates import PoolCandidate


def candidate(loss, number=0):
    return PoolCandidate(ScoredPrefix((number,), torch.tensor([loss], dtype=torch.float64), 0.0))


def totals(candidates):
    return [one.scored.total for one in candidates]


def test_candidates_take_turns():
    pool = CandidatePool([candidate(3.0), candidate(1.0), candidate(2.0)])
    assert sorted(totals([pool.next() for _ in range(3)])) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("count", "active"),
    [(1, [1, 1, 1, 1]), (2, [2, 2, 1, 1]), (4, [4, 2, 2, 1]), (5, [5, 2, 1, 1])],
)
def test_the_worse_half_is_dropped_at_equal_parts_of_the_budget(count, active):
    pool = CandidatePool([candidate(float(number)) for number in range(count)])
    left = []
    for share in (0.0, 0.4, 0.5, 0.8):
        pool.halve(share)
        left.append(len(pool.active))
    assert left == active
    assert totals(pool.active) == [0.0]


def test_a_candidate_takes_only_a_better_prefix():
    one = candidate(1.0)
    one.update(candidate(2.0).scored)
    assert (one.scored.total, one.stale) == (1.0, 1)
    one.update(None)
    assert one.stale == 2
    one.update(candidate(0.5).scored)
    assert (one.scored.total, one.stale) == (0.5, 0)


def test_a_stale_candidate_is_replaced_by_the_best_of_the_reserve():
    pool = CandidatePool([candidate(1.0)], reserve=[candidate(3.0), candidate(2.0)])
    stuck = pool.active[0]
    stuck.stale = 2
    pool.replace_stale(stuck, 3, lambda: candidate(9.0))
    assert totals(pool.active) == [1.0]
    for expected in (2.0, 3.0, 9.0):
        pool.active[0].stale = 3
        pool.replace_stale(pool.active[0], 3, lambda: candidate(9.0))
        assert totals(pool.active) == [expected]


def test_the_running_mean_of_gradients_begins_at_the_first():
    one = candidate(0.0)
    first, second = torch.ones(2, 3), torch.zeros(2, 3)
    assert torch.equal(one.average(first, 0.9), first)
    assert torch.allclose(one.average(second, 0.9), torch.full((2, 3), 0.9))


def test_a_mean_that_was_saved_comes_back_to_where_gradients_are():
    one = candidate(0.0)
    one.mean = torch.ones(2, 3)
    assert one.average(torch.ones(2, 3, device="meta"), 0.9).device.type == "meta"
