"""Tables, curves and scores of numbers made up by hand."""

from dataclasses import replace

import pytest
import torch
from diffkit_plugins.steering_prefix.baselines import (
    LossDisplay,
    LossGap,
    PrefixBaselines,
    RandomPrefixes,
    SplitHalf,
)
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.objectives.base import EmbeddingGradient, PrefixObjective
from diffkit_plugins.steering_prefix.report.curves import loss_distribution, search_lines
from diffkit_plugins.steering_prefix.report.notes import no_step_note
from diffkit_plugins.steering_prefix.report.tables import comparison_table, found_table
from diffkit_plugins.steering_prefix.report.token_importance import (
    importance_table,
    token_importance,
)
from diffkit_plugins.steering_prefix.search import SearchResult, TokenSpace, TracePoint
from diffkit_plugins.steering_prefix.search.results import SearchOutcome, SearchRun

from diffkit import Inputs


class Sums(PrefixObjective):
    """A prefix's loss is 10 less the sum of its ids, and the item's number more."""

    items = 3
    unit = "nats per token"

    def __init__(self, model=None):
        self.model = model

    @property
    def floors(self):
        return torch.tensor([0.0, 1.0, 2.0])

    def losses(self, prefixes, items, *, parent=None):
        return (10.0 - prefixes.sum(dim=1, keepdim=True)) + torch.tensor(list(items)).float()

    def gradient(self, embeddings, items):
        return EmbeddingGradient(float(embeddings.sum()) + len(items), embeddings)

    def round_trips(self, prefixes):
        return [True] * len(prefixes)


NATS = LossDisplay("nats")
DOT = LossDisplay("stream · vector", noun="dot product", more_is_better=True)


def search(text, ids, loss, *, optimiser="momentum", restart=0, successive=0, penalty=0.0, **found):
    trace = (TracePoint(0, 9.0, penalty), TracePoint(5, loss, penalty))
    made = SearchResult(ids, loss, trace, **found)
    return SearchRun(optimiser, successive, restart, made, ids, loss, text, penalty)


def against(*losses, measure=NATS, held_out=True, objective=None):
    chance = RandomPrefixes(torch.tensor(losses or (8.0, 9.0, 10.0), dtype=torch.float64))
    return PrefixBaselines(SplitHalf(objective or Sums()), chance, measure, held_out)


def test_the_gap_is_between_no_prefix_and_the_floor():
    gap = SplitHalf(Sums()).gap
    assert (gap.empty, gap.floor) == (11, 1)
    assert [gap.closed(loss) for loss in (11.0, 6.0, 1.0, 13.0)] == pytest.approx([0, 0.5, 1, -0.2])
    assert LossGap(2.0, 2.0).closed(1.0) == 0


def test_a_token_is_worth_what_the_loss_rises_without_it(tiny_model):
    assert token_importance(Sums(), (2, 3, 4)) == pytest.approx([2, 3, 4])
    assert token_importance(Sums(), (5,)) == pytest.approx([5])
    table = importance_table(Sums(tiny_model), (40, 60, 50))
    decode = tiny_model.tokenizer.decode
    assert [row.token for row in table.rows] == [decode([token]) for token in (60, 50, 40)]
    assert [row.score for row in table.rows] == pytest.approx([60, 50, 40])


def test_the_first_table_says_how_far_chance_goes():
    searches = [search("one", (1, 5), 4.5), search("two", (2,), 8.5, restart=1)]
    table = found_table(searches, [5.0, 9.0], against(), SearchOptions())
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert list(rows[0].values()) == pytest.approx(["one", 1, 0.6, 0.3, 0.25, 5.0, 11.0, 4.5])
    assert list(rows[1].values()) == pytest.approx(["two", 2, 0.2, 0.3, 0.75, 9.0, 11.0, 8.5])
    assert table.columns[1] == "start"
    assert "p: (1 + random prefixes that do as well)" in table.title


def test_a_single_search_needs_no_number():
    table = found_table([search("one", (1,), 4.5)], [5.0], against(), SearchOptions())
    assert table.columns == (
        "prefix", "gap closed", "best random", "p", "loss", "loss without", "training loss",
    )  # fmt: skip


def test_successive_prefixes_and_starts_are_told_apart():
    searches = [search("a", (1,), 4.0, successive=n, restart=r) for n in (0, 1) for r in (0, 1)]
    table = found_table(searches, [4.0] * 4, against(), SearchOptions())
    assert table.columns[1:3] == ("successive prefix", "start")
    assert [row[1:3] for row in table.rows] == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_what_is_not_held_out_has_no_p_and_is_not_called_so():
    table = found_table([search("a", (1,), 4.0)], [4.0], against(held_out=False), SearchOptions())
    assert "p" not in table.columns
    assert "training loss" not in table.columns
    assert "nothing held out" in table.title


class Boundless(Sums):
    """The same, of which no floor is known."""

    @property
    def floors(self):
        return torch.full((3,), -torch.inf)


def test_where_more_is_better_losses_are_turned_round():
    baselines = against(-8.0, 3.0, measure=DOT, objective=Boundless())
    one, two = search("a", (1,), -4.0), search("b", (2,), -9.0, restart=1)
    table = found_table([one, two], [-5.0, -9.0], baselines, SearchOptions())
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert "gap closed" not in rows[0]
    assert rows[1]["dot product"] == 9
    assert rows[1]["training dot product"] == 9
    assert rows[1]["best random"] == 8
    assert rows[1]["dot product without"] == -11
    assert [row["p"] for row in rows] == pytest.approx([2 / 3, 1 / 3])
    assert "larger is better" in table.title
    lines = {
        line.name: line.y for line in loss_distribution([one, two], [-5.0, -9.0], baselines).lines
    }
    assert lines == {"restarts": (9, 5), "random prefixes": (8, -3)}


def test_penalties_and_likelihoods_stand_where_prefixes_are_penalised(tiny_model):
    searches = [search("a", (40, 50), 4.5, penalty=0.25)]
    objective = Sums(tiny_model)
    plain = found_table(searches, [5.0], against(objective=objective), SearchOptions())
    assert "penalty" not in plain.columns
    for options in (SearchOptions(fluency=0.1), SearchOptions(ban_weight=1.0)):
        table = found_table(searches, [5.0], against(objective=objective), options)
        row = dict(zip(table.columns, table.rows[0], strict=True))
        assert row["penalty"] == 0.25
        assert row["training loss"] == 4.5
        start = tiny_model.tokenizer.eos_token_id  # what is before a document of this tokenizer
        said = tiny_model.logits(Inputs.of([[start, 40, 50]]))[0].log_softmax(-1)
        expected = -float(said[0, 40] + said[1, 50]) / 2
        assert row["its own nats per token"] == pytest.approx(expected, rel=1e-4)


def test_a_prefix_worse_than_none_does_not_more_than_chance():
    assert "no better than no prefix" in against(12.0).verdict(11.5)
    assert "no better than no prefix" in against(12.0).verdict(11.0)
    assert against(8.0, 9.0).verdict(7.0).startswith("It does better than all 2 random prefixes")
    assert "p = 0.33), which so few make weak" in against(8.0, 9.0).verdict(7.0)
    assert against(*[8.0] * 20).verdict(7.0).endswith("all 20 random prefixes (p = 0.048).")
    assert "Of 2 random prefixes 1 does as well (p = 0.67)" in against(8.0, 9.0).verdict(8.5)
    assert "p =" not in against(8.0, held_out=False).verdict(7.0)


def test_a_pruned_prefix_is_held_against_random_ones_as_short_as_it():
    def verdict(*short):
        chance = RandomPrefixes(
            torch.full((20,), 10.0).double(), RandomPrefixes(torch.tensor(short).double())
        )
        return PrefixBaselines(SplitHalf(Sums()), chance, NATS).verdict(7.0)

    assert verdict(*[8.0] * 20).endswith("20 random prefixes, and than as many as short as it "
                                         "(p = 0.048).")  # fmt: skip
    assert "Of 20 random prefixes as short as it 5 do as well (p = 0.29)" in verdict(
        *[6.0] * 5, *[8.0] * 15
    )


def test_random_prefixes_as_short_are_drawn_where_pruning_took_tokens(tiny_model):
    objective = Sums(tiny_model)
    options = SearchOptions(length=3, random_prefixes=4)
    space = TokenSpace.of(objective, options)
    whole = RandomPrefixes.sample(objective, space, options, 0, (5, 6, 7))
    pruned = RandomPrefixes.sample(objective, space, options, 0, (5,))
    assert whole.pruned_length is None
    assert torch.equal(whole.losses, pruned.losses)
    alone = RandomPrefixes.sample(
        objective, space, options.model_copy(update={"length": 1}), 0, (5,)
    )
    assert torch.equal(pruned.pruned_length.losses, alone.losses)


def test_a_budget_without_a_step_is_told():
    still = replace(search("a", (1,), 3.0), result=SearchResult((1,), 3.0, (TracePoint(4, 3.0),)))
    assert "this is a random start" in no_step_note(still)
    assert no_step_note(search("a", (1,), 3.0)) == ""
    assert no_step_note(replace(still, optimiser="own:Own")) == ""
    parent = replace(still, result=replace(still.result, projected=(1,)))
    assert "soft prompt's own tokens" in no_step_note(parent)


def test_chance_counts_ties_against_the_prefix():
    chance = RandomPrefixes(torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64))
    assert [chance.p_value(loss) for loss in (0.5, 1.0, 2.5, 9.0)] == pytest.approx(
        [0.2, 0.4, 0.6, 1]
    )
    assert (chance.best, chance.median) == (1, 2.5)


def test_optimisers_are_compared_stage_by_stage_on_both_halves(tiny_model):
    stages = (("soft", 0.001), ("projected", 5.0), ("HotFlip", 3.5))
    soft = {"stages": stages, "soft": torch.ones(1, 2), "projected": (3,)}
    one = search("a b", (1,), 3.0, optimiser="soft", **soft)
    other = search("c", (4,), 2.0, optimiser="gcg")
    table = comparison_table(
        [one, other], [4.0, 6.0], against(objective=Sums(tiny_model)), SearchOptions()
    )
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["gap closed"] for row in rows] == pytest.approx([0.7, 0.5])
    assert rows[0]["soft, training"] == 0.001
    assert rows[0]["soft, held out"] == 5  # the sum of two ones, and three items
    assert rows[0]["projected, training"] == 5
    assert rows[0]["projected, held out"] == 8
    assert rows[0]["HotFlip, training"] == 3.5
    assert (rows[0]["training"], rows[0]["held out"]) == (3, 4)
    assert [rows[1][name] for name in table.columns[5:]] == [None] * 5


def test_curves_have_a_line_for_every_search():
    one, two = search("a", (1,), 3.0, penalty=0.5), search("b", (2,), 4.0, restart=1)
    other = search("c", (3,), 2.0, optimiser="gcg")
    lines = search_lines(SearchOutcome(one, (one, two), (one,), (one, other)), NATS)
    names = [line.name for line in lines]
    assert len(set(names)) == len(names) == 3
    assert names[-1].startswith("gcg")
    assert lines[0].x == (0, 5)
    assert lines[0].y == (9.5, 3.5)  # what is lowered: loss and penalty


def test_a_soft_prompt_has_a_line_before_that_of_its_tokens():
    one = search("a", (1,), 3.0, soft_trace=(TracePoint(1, 8.0), TracePoint(3, 2.0)))
    soft, hard = search_lines(SearchOutcome(one, (one,), (one,)), NATS)
    assert soft.name == f"{hard.name}: soft, on each step's items"
    assert (soft.x, soft.y) == ((1, 3), (8, 2))


def test_restarts_are_sorted_beside_random_prefixes():
    restarts = [search(str(n), (1,), float(n), restart=n) for n in range(4)]
    both = loss_distribution(restarts, [5.0, 1.0, 3.0, 4.0], against(2.0, 3.0))
    assert both.lines[0].x == (0, 0.25, 0.5, 0.75)
    assert both.lines[0].y == (1, 3, 4, 5)
    (only,) = loss_distribution(restarts[:1], [1.0], against(2.0, 3.0)).lines
    assert only.name == "random prefixes"


def test_successive_prefixes_are_not_called_restarts():
    found = [search(str(n), (1,), float(n), successive=n) for n in range(3)]
    lines = loss_distribution(found, [5.0, 1.0, 3.0], against(2.0, 3.0)).lines
    assert [line.name for line in lines] == ["successive prefixes", "random prefixes"]
    assert lines[0].y == (1, 3, 5)
    found.append(search("again", (1,), 0.5, successive=2, restart=1))
    lines = loss_distribution(found, [5.0, 1.0, 3.0, 4.0], against(2.0, 3.0)).lines
    assert lines[0].name == "restarts of prefix 3"
    assert lines[1].y == (1, 4, 5)  # of prefix 3 the start that did best in training
