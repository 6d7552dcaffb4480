"""What a leaderboard counts, over records made by hand in a store."""

import json

import numpy as np
import pytest
from board_maker import TRUTHS, Made, rows

from diffkit.errors import StoreError
from diffkit.evaluation.leaderboard.build import _label
from diffkit.runs.store import Store


@pytest.fixture
def made(tmp_path):
    """Entries of runs, attempts and grades that lie in a store; ``made.board()`` reads them."""
    return Made(Store(tmp_path / "store").prepare())


def sharp(own, truths=TRUTHS, part="named"):
    """Grades of a reader that names exactly what it read: right had it been the truth."""
    if_true = {t: {part: float(t == own), "top1": float(t == own)} for t in truths}
    return {"parts": if_true[own], "if_true": if_true}


def biased(favourite, own, truths=TRUTHS):
    """Grades of a reader that names the same truth whatever it read."""
    if_true = {t: {"named": float(t == favourite), "top1": 0.5} for t in truths}
    return {"parts": if_true[own], "if_true": if_true}


def test_a_truth_on_a_base_counts_once_whatever_it_is_spread_over(made):
    """Dilutions are organisms of the same truth; variants and seeds are of one organism."""
    made.entry("a", {"score": 1.0}, seed=0)
    made.entry("a", {"score": 1.0}, seed=1)
    made.entry("a", {"score": 0.0}, variant="full")
    made.entry("a-diluted", {"score": 0.0}, answer="a")
    made.entry("b", {"score": 1.0, "change": "unspecific"})
    made.entry("b", {"score": 1.0}, base="other")
    (row,) = made.board().rows
    assert (row.top1.hits, row.top1.n) == (2.5, 3)
    assert row.top1.value == pytest.approx(2.5 / 3)
    assert row.top1.chance == 0.5
    assert row.top1.low < row.top1.value < row.top1.high
    assert (row.detected.hits, row.detected.n) == (2, 3)
    assert row.outcomes == "6 verdict"  # every attempt is counted there


def test_variants_of_a_null_are_nulls_of_their_own_and_its_seeds_are_not(made):
    null = {"truth": "unspecific"}
    made.entry("n", {"change": "unspecific"}, variant="v1", **null)
    made.entry("n", {"change": "targeted"}, variant="v1", seed=1, **null)
    made.entry("n", {"change": "targeted"}, variant="v2", **null)
    made.entry("m", {"change": "none"}, truth="none")
    (row,) = made.board().rows
    assert (row.false_alarms.hits, row.false_alarms.n) == (1.5, 3)
    alarms = {name: (share.hits, share.n) for name, share in row.false_alarms_by.items()}
    assert alarms == {"n": (1.5, 2), "m": (0, 1)}
    assert (row.top1.n, row.top1.value, row.top1.p) == (0, None, None)


def test_a_grader_that_names_no_parts_has_its_score_and_no_test(made):
    made.entry("a", {"score": 0.5, "chance": 0.1})
    made.entry("b", {"score": 1.0, "chance": 0.3})
    (row,) = made.board().rows
    assert (row.top1.hits, row.top1.chance, row.top1.p) == (1.5, pytest.approx(0.2), None)
    assert row.named is row.none_of_these is row.reciprocal_rank is None


def test_parts_stand_beside_their_chance(made):
    parts = {
        "top1": 2 / 3,
        "top1_chance": 0.125,
        "reciprocal_rank": 0.75,
        "reciprocal_rank_chance": 0.34,
        "named": 1.0,
        "named_chance": 0.125,
        "none_of_these": 0.0,
        "none_of_these_chance": 0.11,
    }
    for name in "abc":
        made.entry(name, {"parts": parts, "score": parts["top1"]})
    (row,) = made.board().rows
    assert (row.top1.hits, row.top1.n, row.top1.chance) == (2, 3, 0.125)
    assert row.reciprocal_rank.value == 0.75
    assert row.reciprocal_rank.low is None
    assert row.reciprocal_rank.chance == pytest.approx(0.34)
    assert (row.named.value, row.none_of_these.value) == (1, 0)
    assert row.none_of_these.chance == pytest.approx(0.11)
    (pair, *_) = made.board().pairs
    assert (pair.rank, pair.named) == (4 / 3, 1)


def test_an_exact_match_is_significant_and_a_favourite_is_not(made):
    for own in TRUTHS:
        made.entry(own, sharp(own), method="sharp")
        made.entry(own, biased("t3", own), method="biased")
    board = made.board()
    ((one,), (other,)) = (rows(board, method=name) for name in ("sharp", "biased"))
    assert (one.named.hits, one.named.p) == (8, pytest.approx(1 / 10_000, abs=3e-4))
    assert (other.named.hits, other.named.p) == (1, 1)
    assert (one.group, other.group) == ("a", "b")


def test_what_is_named_by_training_examples_is_a_measure_of_its_own(made):
    for own in TRUTHS:
        made.entry(own, sharp(own, part="named_by_examples"))
    (row,) = made.board().rows
    assert row.named is None
    assert row.named_by_examples.hits == 8
    assert row.named_by_examples.p == pytest.approx(1 / 10_000, abs=3e-4)


def test_truths_are_never_permuted_across_bases(made):
    """Of two on each of two bases, a quarter of the permutations fit as well as the truth."""
    for base in ("one", "two"):
        for own in TRUTHS[:2]:
            made.entry(own, sharp(own, TRUTHS[:2]), base=base)
    (row,) = made.board().rows
    assert row.named.p == pytest.approx(0.25, abs=0.02)


def test_findings_that_share_a_truth_move_together(made):
    """Ten dilutions of two truths are two units: no p below one half."""
    for own in TRUTHS[:2]:
        for step in range(10):
            made.entry(f"{own}-{step}", sharp(own, TRUTHS[:2]), answer=own)
    (row,) = made.board().rows
    assert (row.named.n, row.named.p) == (2, pytest.approx(0.5, abs=0.02))


def test_there_is_no_p_of_one_truth_or_where_a_grade_does_not_say_what_to_permute(made):
    made.entry("t0", sharp("t0", TRUTHS[:1]))
    assert made.board().rows[0].named.p is None
    made.entry("t1", {"parts": {"named": 1.0}})
    assert made.board().rows[0].named.p is None


def test_a_grader_that_fails_costs_its_grades_alone(made):
    for own in TRUTHS[:4]:
        made.entry(own, sharp(own, TRUTHS[:4]))
    made.entry("t4", {"graded": False})
    board = made.board()
    assert (board.rows[0].named.n, board.rows[0].named.p) == (4, pytest.approx(1 / 24, abs=0.02))
    assert board.rows[0].outcomes == "1 not graded, 5 verdict"
    assert board.pairs[-1].score is None
    assert any(note.startswith("g: 1 attempts are not graded") for note in board.notes)


def test_controls_stand_beneath_their_method_without_detection(made):
    for own in TRUTHS[:3]:
        for method in ("zeta", "alpha"):
            empty = {"arm": "no-evidence", "score": 0.0}
            made.entry(own, empty, {"score": 1.0}, {"arm": "evidence-swap"}, method=method)
    board = made.board()
    arms = [(row.method, row.arm) for row in board.rows]
    assert arms == [
        (m, a) for m in ("alpha", "zeta") for a in ("method", "no-evidence", "evidence-swap")
    ]
    control = board.rows[1]
    assert (control.top1.hits, control.top1.n, control.group) == (0, 3, "")
    assert control.detected is control.false_alarms is None
    assert len(board.pairs) == 6


def test_methods_are_grouped_where_a_test_does_not_tell_them_apart(made):
    """Two that are often right in other places, and one that is always wrong."""
    random = np.random.default_rng(0)
    for index in range(16):
        for method in ("wrong", "second", "first"):
            named = 0.0 if method == "wrong" else float(random.random() < 0.9)
            parts = {"named": named, "named_reciprocal_rank": 0.5 + named / 2}
            made.entry(f"t{index}", {"parts": parts}, method=method)
    board = made.board()
    assert [(row.method, row.group) for row in board.rows] == [
        ("first", "a"),
        ("second", "a"),
        ("wrong", "b"),
    ]


def test_few_units_tell_no_methods_apart(made):
    for index in range(4):
        for method, score in (("right", 1.0), ("wrong", 0.0)):
            made.entry(f"t{index}", {"score": score}, method=method)
    assert {row.group for row in made.board().rows} == {"a"}


def test_each_reader_has_groups_of_its_own(made):
    for own in TRUTHS:
        for method in ("x", "y"):
            right = {"score": float(method == "x")}
            wrong = {"score": float(method == "y"), "reader": "j"}
            made.entry(own, right, wrong, method=method)
    found = [(row.investigator, row.method, row.group) for row in made.board().rows]
    assert found == [("i", "x", "a"), ("i", "y", "b"), ("j", "y", "a"), ("j", "x", "b")]


def test_organisms_without_words_are_counted_once_more_by_themselves(made):
    for own in TRUTHS[:4]:
        made.entry(own, sharp(own), lexical=own != "t0")
    made.entry("n", {"change": "targeted"}, truth="unspecific")
    board = made.board()
    (every,) = rows(board, stratum="all")
    (rest,) = rows(board, stratum="non-lexical")
    assert (every.named.n, rest.named.n) == (4, 1)
    assert (every.false_alarms.hits, rest.false_alarms) == (1, None)
    assert board.methods("non-lexical") == (rest,)
    only = Made(made.store)
    only.entry("t0", sharp("t0"), lexical=False)
    assert {row.stratum for row in only.board().rows} == {"all"}  # it would be the same


def test_detection_is_told_by_kind_of_null(made):
    made.entry("a", {"rungs": {"random": (19, 0.05), "benign": (19, 0.05)}})
    made.entry("b", {"change": "unspecific", "rungs": {"random": (19, 0.05), "benign": (19, 0.4)}})
    (row,) = made.board().rows
    assert (row.detected.hits, row.detected.n) == (1, 2)
    found = {rung: share.hits for rung, share in row.detected_by.items()}
    assert found == {"random": 2, "benign": 1}
    assert row.calibration == "benign 19, random 19"


def test_a_kind_of_null_that_nothing_can_pass_is_said_and_not_counted(made):
    made.entry("a", {"change": "unsure", "rungs": {"random": (19, 0.05), "benign": (8, 0.12)}})
    made.entry("b", {"change": "unsure"})
    (row,) = made.board().rows
    assert {rung: share.hits for rung, share in row.detected_by.items()} == {"random": 1}
    assert row.calibration == "untestable at 0.05 (benign 8, random 19)"


def test_costs_are_those_of_the_runs(made):
    made.entry("a", {}, run=made.run())
    made.entry("b", {}, run="0" * 64)
    board = made.board(calibration=("random",))
    assert (board.rows[0].seconds, board.rows[0].peak_bytes) == (3, 7)
    assert [pair.change_score for pair in board.pairs] == [0.25, None]
    assert "1 runs were removed since" in board.notes[0]
    assert "Only 2 truths" in board.notes[1]
    assert "on these nulls only: random." in board.notes[2]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"options": {"tokens": 6}}, "the options of kl differ between a .* and n .*=5.*=6"),
        ({"version": 2}, "the version of kl differ between a .*: 1 against 2"),
        ({"texts": "y" * 64}, "the texts on base differ .*: xxxxxxxxxxxx against yyyyyyyyyyyy"),
    ],
)
def test_runs_that_were_not_made_alike_are_not_compared(made, changed, said):
    """A null that a method was calibrated on counts as well."""
    made.entry("a", {}, run=made.run())
    calibration = {"role": "calibration", "truth": "unspecific"}
    made.entry("n", run=made.run(**changed), **calibration)
    with pytest.raises(StoreError, match=said) as caught:
        made.board()
    assert "diffkit evaluate" in caught.value.hint


def test_methods_may_differ_in_options_and_bases_in_texts(made):
    made.entry("a", {}, run=made.run())
    made.entry("a", {}, method="x", run=made.run(method="x", options={"depth": 1}))
    made.entry("b", {}, base="other", run=made.run(texts="y" * 64))
    assert len(made.board().pairs) == 3


def test_labels_name_variant_and_base_where_these_tell_pairs_apart(made):
    made.entry("a")
    made.entry("a", variant="full")
    plain, full = made.entries
    assert _label(plain, several_bases=False) == "a"
    assert _label(full, several_bases=False) == "a / full"
    assert _label(plain, several_bases=True) == "a on base"


def test_a_leaderboard_is_kept_whole_by_json(made):
    made.entry("a", {"score": 0.25, "rungs": {"random": (19, 0.05)}})
    board = made.board()
    assert type(board).model_validate(json.loads(board.model_dump_json())) == board
