"""What a leaderboard counts."""

import pytest

from diffkit.evaluation.board import _Case, _label, _row
from diffkit.evaluation.record import Entry, Judged
from diffkit.grader import Grade
from diffkit.verdict import Attempt, Outcome, Verdict


def case(organism, score=1.0, change="targeted", truth="targeted", *, seed=0, variant="default"):
    entry = Entry(
        organism=organism,
        family="f",
        truth=truth,
        base="base",
        variant=variant,
        role="test",
        method="kl",
        seed=seed,
        run="",
    )
    parts = {"reciprocal_rank": score or 0.5, "reciprocal_rank_chance": 0.75}
    return _Case(
        entry=entry,
        judged=Judged(investigator="i", grader="g", attempt="a", grade="b"),
        attempt=Attempt(digest="a", outcome=Outcome.VERDICT, verdict=Verdict(change=change)),
        grade=Grade(score=score, chance=0.5, parts=parts),
        run=None,
    )


def row(*cases):
    return _row(("kl", "i", "g"), cases)


def test_seeds_and_variants_of_an_organism_are_no_further_evidence():
    found = row(
        *(case("a", seed=seed) for seed in range(3)),
        case("a", variant="full"),
        case("b", 1.0, seed=0),
        case("b", 0.0, seed=1),
    )
    assert (found.top1.hits, found.top1.n) == (1, 2)  # b was not seen every time
    assert (found.detected.hits, found.detected.n) == (2, 2)
    assert found.reciprocal_rank == pytest.approx((1 + 0.75) / 2)
    assert found.outcomes == "6 verdict"  # every attempt is counted there


def test_a_null_is_a_false_alarm_where_any_of_its_seeds_raised_one():
    null = {"score": 0.0, "truth": "unspecific"}
    found = row(
        case("n", change="unspecific", **null),
        case("n", change="targeted", seed=1, **null),
        case("m", change="none", **null),
    )
    assert (found.false_alarms.hits, found.false_alarms.n) == (1, 2)
    assert found.top1.n == 0


def test_labels_name_variant_and_base_where_these_tell_pairs_apart():
    assert _label(case("a").entry, several_bases=False) == "a"
    assert _label(case("a", variant="full").entry, several_bases=False) == "a / full"
    assert _label(case("a").entry, several_bases=True) == "a on base"
