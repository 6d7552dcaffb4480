"""The interpretation guide on made-up numbers, both ways."""

import pytest
import torch
from diffkit_plugins.reachability_study.interpretation import (
    UNCONVERGED,
    MedianComparison,
    basic_rows,
    ffn_rows,
    sweep_rows,
)


def around(median, count=20):
    """Errors spread over a fifth of a decade about a median."""
    return (median * 10 ** torch.linspace(-0.1, 0.1, count)).tolist()


def holds(readings):
    return {reading.observation: reading.holds for reading in readings}


@pytest.fixture
def three(outcome, results):
    def make(real, matched, raw, **options):
        return results(
            outcome("real", "1", around(real)),
            outcome("matched", "2a", around(matched)),
            outcome("raw", "2b", around(raw), **options),
        )

    return make


@pytest.fixture
def swept(outcome, results):
    def make(experiment, medians):
        return results(
            *(outcome(f"x = {x}", experiment, around(m), x=x) for x, m in medians.items())
        )

    return make


def test_all_converged_and_all_alike(three):
    assert holds(basic_rows(three(1e-4, 1.1e-4, 1.2e-4))) == {
        "Exp 1 all converge to ~0": "yes",
        UNCONVERGED: "no",
        "Exp 2a ≈ Exp 1": "yes",
        "Exp 2b much worse than 2a": "no",
        "Exp 2b ≈ Exp 2a": "yes",
    }


def test_none_converged_and_each_far_worse_than_the_last(three):
    assert holds(basic_rows(three(0.02, 0.3, 3.5))) == {
        "Exp 1 all converge to ~0": "no",
        UNCONVERGED: "yes",
        "Exp 2a ≈ Exp 1": "no",
        "Exp 2b much worse than 2a": "yes",
        "Exp 2b ≈ Exp 2a": "no",
    }


def test_between_alike_and_far_neither_is_claimed(three):
    found = holds(basic_rows(three(1e-4, 1e-4, 5e-4)))
    assert found["Exp 2b much worse than 2a"] == found["Exp 2b ≈ Exp 2a"] == "no"


def test_an_error_that_the_norm_makes_unavoidable_is_said_to_be(three):
    (row,) = (
        r for r in basic_rows(three(1e-4, 1e-4, 0.5, floor=0.45)) if "much worse" in r.observation
    )
    assert row.holds == "yes"
    assert "final norm's floor" in row.meaning
    assert "floor 0 and 0.45, above it 0.0001 and 0.05" in row.numbers


def test_numbers_say_medians_ratio_and_p():
    found = MedianComparison.of(torch.tensor(around(1e-4)), torch.tensor(around(4e-4)))
    assert found.ratio == pytest.approx(4, rel=1e-3)
    assert found.p < 1e-6
    assert str(found).startswith("medians 0.0001 and 0.0004, ratio 4, Mann-Whitney p = ")


def test_two_samples_of_zeros_are_alike():
    assert MedianComparison.of(torch.zeros(5), torch.zeros(5)).similar
    assert MedianComparison.of(torch.zeros(5), torch.ones(5)).ratio == float("inf")


def test_lines_that_are_flat_between_and_steep_beyond(swept):
    found = holds(
        sweep_rows(swept("3", {-0.5: 1.0, 0: 0.01, 0.5: 0.02, 1: 0.01, 1.5: 0.5, 2: 1.0}))
    )
    assert found["Exp 3 smooth across α∈[0,1]"] == "yes"
    assert found["Exp 3 sharp degradation at α>1"] == "yes"


def test_lines_with_a_hump_between_and_little_beyond(swept):
    found = holds(sweep_rows(swept("3", {0: 0.01, 0.5: 0.5, 1: 0.01, 1.5: 0.02})))
    assert found["Exp 3 smooth across α∈[0,1]"] == "no"
    assert found["Exp 3 sharp degradation at α>1"] == "no"


SHARP = {0: 1e-4, 0.1: 1e-4, 0.2: 1.2e-4, 0.3: 0.05, 0.4: 0.06, 1: 0.1}
ELSEWHERE = {0: 1e-4, 0.1: 0.05, 0.2: 0.05, 0.3: 0.06, 0.4: 0.06, 1: 0.1}
GRADUAL = {0: 1e-4, 0.2: 1e-3, 0.4: 1e-2, 0.6: 0.1, 1: 0.5}
FLAT = {0: 1e-4, 0.2: 1.1e-4, 0.4: 1.1e-4, 1: 1.2e-4}


@pytest.mark.parametrize(
    ("medians", "sharp", "gradual"),
    [(SHARP, "yes", "no"), (ELSEWHERE, "no", "no"), (GRADUAL, "no", "yes"), (FLAT, "no", "no")],
)
def test_the_transition_of_experiment_4(swept, medians, sharp, gradual):
    found = holds(sweep_rows(swept("4", medians)))
    assert found["Exp 4 sharp transition at f≈0.3"] == sharp
    assert found["Exp 4 gradual degradation"] == gradual


def test_the_numbers_of_experiment_4_are_worded_as_stored_findings_are(swept):
    row = next(row for row in sweep_rows(swept("4", SHARP)) if row.observation.startswith("Exp 4"))
    assert row.numbers.startswith("the median MSE rises by ")
    assert row.numbers.endswith("; sharp is a decade in all, more than half of it in one step")


def test_a_transition_elsewhere_is_placed_in_numbers(swept):
    (row,) = (
        r
        for r in sweep_rows(swept("4", ELSEWHERE))
        if "sharp" in r.observation and "4" in r.observation
    )
    assert "between f = 0 and 0.1" in row.numbers


@pytest.mark.parametrize(
    ("bare", "positive", "negative"), [(1.0, "yes", "no"), (1e-6, "no", "yes"), (1e-3, "no", "no")]
)
def test_ffns_are_judged_by_the_error_without_them(outcome, results, bare, positive, negative):
    pairs = [
        outcome(f"{name}{suffix}", experiment, around(value))
        for suffix, value in (("", 1e-3), (", no FFNs", bare))
        for name, experiment in (("real", "1"), ("matched", "2a"), ("raw", "2b"))
    ]
    assert [row.holds for row in ffn_rows(results(*pairs))] == [positive, negative]


def test_kinds_that_contradict_each_other_decide_nothing(outcome, results):
    found = results(
        outcome("real", "1", around(1e-3)),
        outcome("raw", "2b", around(1e-3)),
        outcome("real, no FFNs", "ffn", around(1.0)),
        outcome("raw, no FFNs", "ffn", around(1e-6)),
    )
    assert [row.holds for row in ffn_rows(found)] == ["no", "no"]


def test_what_did_not_run_was_not_measured(results):
    nothing = results()
    rows = (*basic_rows(nothing), *sweep_rows(nothing), *ffn_rows(nothing))
    assert len(rows) == 11
    assert {row.holds for row in rows} == {"not measured"}
    assert not any(row.meaning for row in rows)


@pytest.mark.parametrize(
    ("both", "words"), [(1e-4, "Most of residual space"), (0.5, "nothing follows")]
)
def test_two_random_kinds_that_are_alike_mean_much_only_if_they_were_reached(three, both, words):
    (row,) = (r for r in basic_rows(three(1e-4, both, both)) if r.observation == "Exp 2b ≈ Exp 2a")
    assert row.holds == "yes"
    assert words in row.meaning
