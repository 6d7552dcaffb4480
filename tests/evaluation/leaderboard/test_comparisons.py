"""Differences between rows, and budget curves, over records made by hand."""

from itertools import product

import numpy as np
import pytest
from board_maker import TRUTHS, Made, rows

from diffkit.runs.store import Store


@pytest.fixture
def made(tmp_path):
    return Made(Store(tmp_path / "store").prepare())


def test_what_findings_add_is_paired_by_truth(made):
    """Eight truths; another organism's findings are as good on two of them."""
    for index, own in enumerate(TRUTHS):
        swap = {"arm": "evidence-swap", "score": float(index < 2)}
        made.entry(own, {"score": 1.0}, swap, {"arm": "blackbox", "score": 1.0})
    (row,) = rows(made.board(), arm="method")
    swap, alone = row.above["evidence-swap"]["top1"], row.above["blackbox"]["top1"]
    assert (swap.mean, swap.n) == (0.75, 8)
    assert swap.low < 0.75 < swap.high
    assert swap.p == pytest.approx(2 / 2**6, abs=0.01)  # six truths differ, all to one side
    assert swap.mcnemar == pytest.approx(2 / 2**6)
    assert (alone.mean, alone.p, alone.mcnemar) == (0, 1, 1)
    assert "named" not in row.above["blackbox"]


def test_repeats_make_no_difference_surer(made):
    for own in TRUTHS[:5]:
        repeats = [
            {"arm": arm, "score": float(arm == "method"), "repeat": k}
            for arm, k in product(("method", "evidence-swap"), range(10))
        ]
        made.entry(own, *repeats)
    found = rows(made.board(), arm="method")[0].above["evidence-swap"]["top1"]
    assert (found.n, found.p) == (5, pytest.approx(2 / 2**5, abs=0.01))


def test_a_truth_on_two_bases_is_drawn_as_a_whole(made):
    """Five truths on two bases: no p below that of five signs, and no exact test."""
    for own, base in product(TRUTHS[:5], ("one", "two")):
        made.entry(own, {"score": 1.0}, {"arm": "blackbox", "score": 0.0}, base=base)
    found = rows(made.board(), arm="method")[0].above["blackbox"]["top1"]
    assert (found.n, found.mcnemar) == (10, None)
    assert found.p == pytest.approx(2 / 2**5, abs=0.01)


def test_a_truth_that_is_hit_in_part_has_no_exact_test(made):
    for own in TRUTHS:
        made.entry(own, {"score": 2 / 3}, {"arm": "blackbox", "score": 0.0})
    found = rows(made.board(), arm="method")[0].above["blackbox"]["top1"]
    assert (found.mean, found.mcnemar) == (pytest.approx(2 / 3), None)
    assert found.p < 0.02


def test_only_truths_of_both_are_compared(made):
    for own in TRUTHS[:3]:
        blackbox = [{"arm": "blackbox", "score": 0.0}] if own != "t0" else []
        made.entry(own, {"score": float(own != "t0")}, *blackbox)
    assert rows(made.board(), arm="method")[0].above["blackbox"]["top1"].n == 2


def test_one_truth_has_a_difference_and_no_interval(made):
    made.entry("t0", {"score": 1.0}, {"arm": "blackbox", "score": 0.0})
    found = rows(made.board(), arm="method")[0].above["blackbox"]["top1"]
    assert (found.mean, found.low, found.high, found.p) == (1, None, None, 1)


def test_methods_are_compared_once_the_better_first(made):
    scores = {"good": 1.0, "fair": 0.5, "bad": 0.0}
    for own, (method, score) in product(TRUTHS, scores.items()):
        made.entry(own, {"parts": {"top1": score, "named": score}, "score": score}, method=method)
    found = {row.method: row.against for row in made.board().rows}
    assert {method: list(against) for method, against in found.items()} == {
        "good": ["fair", "bad"],
        "fair": ["bad"],
        "bad": [],
    }
    assert found["good"]["bad"]["named"].mean == 1
    assert found["good"]["bad"]["top1"].mcnemar == pytest.approx(2 / 2**8)


def test_all_methods_together_are_held_against_questions_alone(made):
    for own in TRUTHS[:3]:
        made.entry(own, {"arm": "combined", "score": 1.0}, {"arm": "blackbox", "score": 0.5})
    combined, blackbox = made.board().rows
    assert combined.above["blackbox"]["top1"].mean == 0.5
    assert blackbox.above == {}


def test_a_guess_stands_until_the_next_and_the_verdict_to_the_end(made):
    made.entry("a", {"curve": ((2, 0.4), (6, 0.8)), "questions": 8, "score": 1.0, "chance": 0.2})
    (row,) = made.board().rows
    points = {q: point.score for q, point in row.curve.points.items()}
    assert points == {0: 0.2, 2: 0.4, 6: 0.8, 8: 1.0}
    assert row.curve.area == pytest.approx((2 * 0.2 + 4 * 0.4 + 2 * 0.8) / 8)
    assert row.curve.points[8].low is None  # one truth


def test_a_curve_is_a_mean_over_truths_of_the_means_of_their_attempts(made):
    one = {"curve": ((1, 0.0),), "questions": 3, "score": 1.0, "chance": 0.5}
    other = {"curve": ((1, 1.0),), "questions": 2, "score": 0.0, "chance": 0.5}
    made.entry("a", one, {**one, "repeat": 1}, {**other, "repeat": 2})
    made.entry("b", other)
    curve = made.board().rows[0].curve
    means = {0: 0.5, 1: (1 / 3 + 1) / 2, 2: 0.0, 3: (2 / 3 + 0) / 2}
    assert {q: point.score for q, point in curve.points.items()} == pytest.approx(means)
    assert curve.points[1].low == pytest.approx(1 / 3)
    assert curve.points[1].high == pytest.approx(1)


def test_curves_of_one_reader_end_at_the_same_question(made):
    """Else a short attempt's area would be over another length."""
    made.entry(
        "a",
        {"curve": ((1, 1.0),), "questions": 2, "score": 1.0},
        {"arm": "blackbox", "curve": ((5, 1.0),), "questions": 10, "score": 1.0},
    )
    method, blackbox = made.board().rows
    assert max(method.curve.points) == max(blackbox.curve.points) == 10
    assert (method.curve.area, blackbox.curve.area) == pytest.approx((0.95, 0.75))


@pytest.mark.parametrize(
    "case",
    [
        {"questions": 4},
        {"curve": ((0, 0.5),)},
        {"curve": ((0, 0.5),), "questions": 4, "graded": False},
    ],
)
def test_without_guesses_questions_or_grades_there_is_no_curve(made, case):
    made.entry("a", case)
    assert made.board().rows[0].curve is None


def test_the_numbers_of_a_board_do_not_hang_on_the_order_of_entries(made):
    random = np.random.default_rng(0)
    for own in TRUTHS:
        scores = {"score": float(random.random())}, {"score": float(random.random())}
        made.entry(
            own,
            {**scores[0], "curve": ((1, 0.5),), "questions": 2},
            {**scores[1], "arm": "blackbox"},
        )
    forward = made.board().rows
    made.entries.reverse()
    assert made.board().rows == forward
