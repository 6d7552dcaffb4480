import pytest
import torch
from diffkit_plugins.steering_prefix.search.candidates import CandidatePool, PoolCandidate
from diffkit_plugins.steering_prefix.search.scorer import ScoredPrefix


def lane(loss, number=0):
    return PoolCandidate(ScoredPrefix((number,), torch.tensor([loss], dtype=torch.float64), 0.0))


def totals(lanes):
    return [one.tried.total for one in lanes]


def test_lanes_take_turns():
    pool = CandidatePool([lane(3.0), lane(1.0), lane(2.0)])
    assert sorted(totals([pool.next() for _ in range(3)])) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("count", "live"), [(1, [1, 1, 1, 1]), (2, [2, 2, 1, 1]), (4, [4, 2, 2, 1]), (5, [5, 2, 1, 1])]
)
def test_the_worse_half_is_dropped_at_equal_parts_of_the_budget(count, live):
    pool = CandidatePool([lane(float(number)) for number in range(count)])
    left = []
    for share in (0.0, 0.4, 0.5, 0.8):
        pool.narrow(share)
        left.append(len(pool.live))
    assert left == live
    assert totals(pool.live) == [0.0]


def test_a_lane_moves_only_to_what_is_better():
    one = lane(1.0)
    one.offer(lane(2.0).tried)
    assert (one.tried.total, one.stale) == (1.0, 1)
    one.offer(None)
    assert one.stale == 2
    one.offer(lane(0.5).tried)
    assert (one.tried.total, one.stale) == (0.5, 0)


def test_a_lane_that_is_stuck_makes_room_for_the_best_that_was_set_aside():
    pool = CandidatePool([lane(1.0)], aside=[lane(3.0), lane(2.0)])
    stuck = pool.live[0]
    stuck.stale = 2
    pool.relieve(stuck, 3, lambda: lane(9.0))
    assert totals(pool.live) == [1.0]
    for expected in (2.0, 3.0, 9.0):
        pool.live[0].stale = 3
        pool.relieve(pool.live[0], 3, lambda: lane(9.0))
        assert totals(pool.live) == [expected]


def test_the_running_mean_of_gradients_begins_at_the_first():
    one = lane(0.0)
    first, second = torch.ones(2, 3), torch.zeros(2, 3)
    assert torch.equal(one.turn(first, 0.9), first)
    assert torch.allclose(one.turn(second, 0.9), torch.full((2, 3), 0.9))


def test_a_mean_that_was_saved_comes_back_to_where_gradients_are():
    one = lane(0.0)
    one.mean = torch.ones(2, 3)
    assert one.turn(torch.ones(2, 3, device="meta"), 0.9).device.type == "meta"
