"""The method on a tiny pair: its promises, its score, and what its findings say."""

import pytest
import torch
from diffkit_plugins import steering_prefix
from diffkit_plugins.steering_prefix.config import SteeringPrefixConfig
from diffkit_plugins.steering_prefix.method import SteeringPrefix

from diffkit import (
    ModelPair,
    Note,
    RunContext,
    Samples,
    Series,
    Table,
    Texts,
    TokenTable,
    UserError,
)
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method

SHORT = {
    "suffixes": 5,
    "own_suffixes": 0,
    "kept_suffixes": 4,
    "completion_tokens": 4,
    "length": 2,
    "budget": 200,
    "candidates": 8,
    "items_per_step": 2,
    "starts": 2,
    "random_prefixes": 4,
    "sampled": 1,
    "shown": 2,
}


@pytest.fixture
def run(tmp_path, tiny_texts):
    def call(pair, texts=tiny_texts, /, **options):
        context = RunContext(
            seed=0,
            texts=texts,
            artifacts=Artifacts(tmp_path / "artifacts"),
            checkpoints=Checkpoints(tmp_path / "checkpoints"),
        )
        return run_method(
            SteeringPrefix(), pair, SteeringPrefixConfig(**{**SHORT, **options}), context
        )

    return call


def of_kind(findings, kind):
    return [item for item in findings.items if isinstance(item, kind)]


def test_it_conforms(conforms):
    specs = []
    steering_prefix.register_methods(specs.append)
    (spec,) = specs
    conforms(spec, **SHORT)


def test_the_most_telling_findings_come_first(run, tiny_pair):
    kinds = [type(item) for item in run(tiny_pair).items]
    assert kinds[:5] == [Note, Table, TokenTable, TokenTable, Samples]
    assert kinds[5:] == [Samples, Samples, Table, Table, Series, Series]


def test_a_wrong_optimiser_is_told_before_anything_is_read(run, tiny_pair, monkeypatch):
    monkeypatch.setattr("diffkit_plugins.steering_prefix.method.pair_problem", pytest.fail)
    with pytest.raises(UserError, match="no-such"):
        run(tiny_pair, optimiser="no-such")


def test_random_prefixes_are_not_the_search_s_own_starts(run, tiny_pair):
    """With one start and no budget left for a step, the search returns what it drew first."""
    findings = run(tiny_pair, starts=1, budget=1, prune=False, random_prefixes=1)
    metrics = findings.metrics
    assert metrics["gap_closed"] != metrics["gap_closed_by_best_random"]


def test_the_score_is_what_is_closed_of_the_held_out_gap(run, tiny_pair):
    findings = run(tiny_pair)
    metrics = findings.metrics
    gap = metrics["loss_empty_nats"] - metrics["floor_nats"]
    closed = (metrics["loss_empty_nats"] - metrics["loss_prefix_nats"]) / gap
    assert metrics["gap_closed"] == pytest.approx(closed)
    assert metrics["nats_closed"] == pytest.approx(closed * gap)
    assert findings.change_score == max(metrics["nats_closed"], 0)
    assert metrics["floor_nats"] == pytest.approx(0, abs=1e-5)
    assert metrics["items"] + metrics["dropped"] == 5


def test_the_first_table_says_the_prefix_beside_chance(run, tiny_pair):
    findings = run(tiny_pair)
    table, tokens = findings.items[1:3]
    ((prefix, closed, random, p, loss, empty, _),) = table.rows
    decode = tiny_pair.base.tokenizer.decode
    ids = tiny_pair.base.tokenizer(prefix, add_special_tokens=False).input_ids
    assert decode(ids) == prefix != ""
    assert "".join(sorted(row.token for row in tokens.rows)) == "".join(sorted(map(decode, ids)))
    assert closed == findings.metrics["gap_closed"]
    assert random == findings.metrics["gap_closed_by_best_random"]
    assert 1 / 5 <= p <= 1
    assert (loss, empty) == (
        findings.metrics["loss_prefix_nats"], findings.metrics["loss_empty_nats"],
    )  # fmt: skip


def test_what_is_explained_is_what_each_side_says_by_itself(run, tiny_pair):
    explained = of_kind(run(tiny_pair), Samples)[0]
    mirrored = of_kind(run(tiny_pair, objective="mirror"), Samples)[0]
    assert explained.sides == mirrored.sides == ("base", "finetuned")
    both = {row.prompt: (row.base, row.finetuned) for row in mirrored.rows}
    shared = [row for row in explained.rows if row.prompt in both]
    assert shared
    assert all(both[row.prompt] == (row.base, row.finetuned) for row in shared)
    keys = [(row.base == row.finetuned, -row.score) for row in explained.rows]
    assert keys == sorted(keys)


def test_the_mirror_is_the_pair_turned_round(run, tiny_pair):
    there = run(tiny_pair, objective="mirror")
    back = run(ModelPair(tiny_pair.finetuned, tiny_pair.base))
    assert there.metrics == pytest.approx(back.metrics)
    assert there.items[1] == back.items[1]


def test_similar_and_dissimilar_suffixes_are_held_out_ones(run, tiny_pair):
    findings = run(tiny_pair, shown=1)
    _, near, far = of_kind(findings, Samples)
    assert len(near.rows) == len(far.rows) == 1
    assert near.rows[0].score >= far.rows[0].score
    assert near.sides == ("finetuned without a prefix", "base with the prefix")


def test_a_prefix_of_yours_stands_beside_the_one_found(run, tiny_pair):
    findings = run(tiny_pair, human=("The cat", " dog"))
    losses, shares = of_kind(findings, Table)[1:3]
    assert [row[:2] for row in losses.rows][1:4] == [
        ("yours, number 1", "The cat"), ("yours, number 2", " dog"), ("none", ""),
    ]  # fmt: skip
    assert {row[0] for row in shares.rows} == {
        "found",
        "yours, number 1",
        "yours, number 2",
        "none",
    }


def test_no_prefix_closes_nothing_and_the_reference_all(run, tiny_pair):
    rows = {row[0]: row for row in of_kind(run(tiny_pair), Table)[1].rows}
    assert rows["none"][4] == 0
    assert rows["the reference itself"][4] == 1
    assert rows["the reference itself"][5] < rows["none"][5]


def test_no_sampled_rows_where_nothing_is_drawn(run, tiny_pair):
    halves = {row[1] for row in of_kind(run(tiny_pair, sampled=0), Table)[2].rows}
    assert halves == {"held out, greedy", "training, greedy"}


def test_suffixes_that_depend_on_nothing_leave_a_note(run, tiny_pair):
    findings = run(tiny_pair, min_dependence=100.0)
    (note,) = findings.items
    assert findings.change_score == 0
    assert isinstance(note, Note)
    assert "5" in note.text
    assert findings.metrics == {"dropped": 5.0}


def test_without_any_suffix_there_is_nothing_to_do(run, tiny_pair):
    with pytest.raises(UserError, match="There is no suffix"):
        run(tiny_pair, suffixes=0)


def test_a_single_suffix_cannot_be_halved(run, tiny_pair):
    findings = run(tiny_pair, suffixes=1, min_dependence=0.0)
    (note,) = findings.items
    assert "all but one of the 1 suffixes" in note.text
    assert "a single one cannot be both searched with and held out" in note.text
    assert findings.metrics == {"dropped": 0.0}
    assert findings.change_score == 0


def test_the_words_say_what_p_is(run, tiny_pair):
    findings = run(tiny_pair)
    note, table = findings.items[:2]
    assert "no better than no prefix" in note.text or f"{findings.metrics['p_random']:.2g}" in (
        note.text
    )
    assert "p: (1 + random prefixes that do as well)" in table.title


@pytest.mark.parametrize(("budget", "noted"), [(1, True), (200, False)])
def test_a_budget_that_pays_for_no_step_is_noted(run, tiny_pair, budget, noted):
    note = run(tiny_pair, budget=budget).items[0].text
    assert ("The budget paid for no step: this is a random start" in note) == noted


def test_stages_of_one_optimiser_are_shown_without_a_comparison(run, tiny_pair):
    tables = of_kind(run(tiny_pair, optimiser="soft-projection", budget=400), Table)
    (stages,) = (table for table in tables if "optimiser" in table.columns)
    assert len(stages.rows) == 1
    row = dict(zip(stages.columns, stages.rows[0], strict=True))
    assert 0 < row["soft, held out"] != row["soft, training"]


@pytest.mark.parametrize("execution", [{"batch_size": 1}, {"batch_size": 3}])
def test_the_batch_size_changes_nothing(run, tiny_pair, execution):
    one, other = run(tiny_pair), run(tiny_pair, **execution)
    assert one.items[1].rows[0][0] == other.items[1].rows[0][0]
    assert one.metrics == pytest.approx(other.metrics, rel=1e-4, abs=1e-6)


def test_the_global_random_state_plays_no_part(run, tiny_pair):
    torch.manual_seed(1)
    one = run(tiny_pair)
    torch.manual_seed(2)
    assert one == run(tiny_pair)


def test_both_sides_may_have_tokens_of_their_own(run, resized_pair, tiny_texts):
    for objective in ("explain", "mirror"):
        table = run(resized_pair, objective=objective).items[1]
        assert "<|new" not in table.rows[0][0]


def test_documents_alone_will_do(run, tiny_pair):
    texts = Texts.of(*(f"The {word} sat on the mat by the door." for word in "abcdefgh"))
    assert run(tiny_pair, texts, suffixes=8).metrics["items"] >= 2


def test_the_side_that_is_explained_writes_suffixes_of_its_own(run, tiny_pair):
    without, some = (run(tiny_pair, own_suffixes=count).metrics for count in (0, 40))
    tried = [metrics["items"] + metrics["dropped"] for metrics in (without, some)]
    assert tried[1] > tried[0] == 5
    assert some["items"] == SHORT["kept_suffixes"]
