"""Tables, curves and scores of numbers made up by hand."""

import pytest
import torch
from diffkit_plugins.steering_prefix.chance import Chance
from diffkit_plugins.steering_prefix.curves import progress, spread
from diffkit_plugins.steering_prefix.gap import Gap
from diffkit_plugins.steering_prefix.half import Half
from diffkit_plugins.steering_prefix.objective import Objective
from diffkit_plugins.steering_prefix.optimiser import Found, Point
from diffkit_plugins.steering_prefix.searched import Search, Searched
from diffkit_plugins.steering_prefix.tables import comparison_table, found_table
from diffkit_plugins.steering_prefix.worth import token_table, worth


class Sums(Objective):
    """A prefix's loss is 10 less the sum of its ids, and the item's number more."""

    items = 3
    unit = "nats per token"

    def __init__(self, model=None):
        self.model = model

    @property
    def floors(self):
        return torch.tensor([0.0, 1.0, 2.0])

    def losses(self, prefixes, items, *, near=None):
        return (10.0 - prefixes.sum(dim=1, keepdim=True)) + torch.tensor(list(items)).float()

    def gradient(self, embeddings, items):
        raise NotImplementedError

    def reads_back(self, prefixes):
        return [True] * len(prefixes)


def search(text, ids, loss, *, optimiser="momentum", restart=0, stages=()):
    trail = (Point(0, 9.0), Point(5, loss))
    found = Found(ids, loss, trail, stages=stages)
    return Search(optimiser, 0, restart, found, ids, loss, text)


def test_the_gap_is_between_no_prefix_and_the_floor():
    gap = Half(Sums()).gap
    assert (gap.empty, gap.floor) == (11, 1)
    assert [gap.closed(loss) for loss in (11.0, 6.0, 1.0, 13.0)] == pytest.approx([0, 0.5, 1, -0.2])
    assert Gap(2.0, 2.0).closed(1.0) == 0


def test_a_token_is_worth_what_the_loss_rises_without_it(tiny_model):
    assert worth(Sums(), (2, 3, 4)) == pytest.approx([2, 3, 4])
    assert worth(Sums(), (5,)) == pytest.approx([5])
    table = token_table(Sums(tiny_model), (40, 60, 50))
    decode = tiny_model.tokenizer.decode
    assert [row.token for row in table.rows] == [decode([token]) for token in (60, 50, 40)]
    assert [row.score for row in table.rows] == pytest.approx([60, 50, 40])


def test_the_first_table_says_how_far_chance_goes():
    chance = Chance(torch.tensor([8.0, 9.0, 10.0], dtype=torch.float64))
    half = Half(Sums())
    searches = [search("one", (1, 5), 4.5), search("two", (2,), 8.5, restart=1)]
    table = found_table(searches, [5.0, 9.0], half, chance)
    assert table.rows[0] == pytest.approx(("one", 0.6, 0.3, 0.25, 5.0, 11.0, 4.5))
    assert table.rows[1] == pytest.approx(("two", 0.2, 0.3, 0.75, 9.0, 11.0, 8.5))


def test_chance_counts_ties_against_the_prefix():
    chance = Chance(torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64))
    assert [chance.p(loss) for loss in (0.5, 1.0, 2.5, 9.0)] == pytest.approx([0.2, 0.4, 0.6, 1])
    assert (chance.best, chance.median) == (1, 2.5)


def test_optimisers_are_compared_stage_by_stage():
    one = search("a b", (1,), 3.0, optimiser="soft", stages=(("soft", 0.001), ("projected", 5.0)))
    other = search("c", (4,), 2.0, optimiser="gcg")
    table = comparison_table([one, other], [4.0, 6.0], Half(Sums()))
    assert [row[0] for row in table.rows] == ["soft", "gcg"]
    assert table.rows[0][-1] == "soft 0.001; projected 5"
    assert table.rows[1][-1] is None
    assert [row[4] for row in table.rows] == pytest.approx([0.7, 0.5])


def test_curves_have_a_line_for_every_search():
    one, two = search("a", (1,), 3.0), search("b", (2,), 4.0, restart=1)
    other = search("c", (3,), 2.0, optimiser="gcg")
    series = progress(Searched(one, (one, two), (one,), (other,)), "nats")
    names = [line.name for line in series.lines]
    assert len(set(names)) == 3
    assert names[-1].startswith("gcg")
    assert series.lines[0].x == (0, 5)
    assert series.lines[0].y == (9, 3)


def test_restarts_are_sorted_beside_random_prefixes():
    chance = Chance(torch.tensor([2.0, 3.0], dtype=torch.float64))
    both = spread([5.0, 1.0, 3.0, 4.0], chance, "nats")
    assert both.lines[0].x == (0, 0.25, 0.5, 0.75)
    assert both.lines[0].y == (1, 3, 4, 5)
    assert [line.name for line in spread([1.0], chance, "nats").lines] == ["random prefixes"]
