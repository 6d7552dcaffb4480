"""What a leaderboard counts of readers that ask: arms, repeats, tests, ends and costs."""

import io
import json

import pytest
from board_maker import TRUTHS, Made, rows
from rich.console import Console

from diffkit.cli.commands.leaderboard import _flatten
from diffkit.evaluation.grading import GraderValidation, save_validation
from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.render import labels
from diffkit.render.conclusions import conclusions
from diffkit.render.html.pages import leaderboard_page
from diffkit.render.terminal.reports import render_leaderboard
from diffkit.runs.store import Store
from diffkit.verdict import Detection, NullTest, Outcome, Usage


@pytest.fixture
def made(tmp_path):
    return Made(Store(tmp_path / "store").prepare())


def detection(p):
    return Detection(p=p, alpha=0.05, rungs={"benign": NullTest(n=19, p=p)})


def used(calls=2, cost=0.5, model="m", served=("m-1",)):
    tokens = {"prompt_tokens": 100 * calls, "completion_tokens": 10 * calls}
    return Usage(model=model, served=served, calls=calls, cost=cost, **tokens)


def test_repeats_are_no_further_evidence(made):
    for own in "ab":
        made.entry(own, *({"score": score, "repeat": k} for k, score in enumerate((1, 0, 0, 1))))
    board = made.board()
    (row,) = board.rows
    assert (row.top1.hits, row.top1.n, row.repeats, row.attempts) == (1, 2, 4, 8)
    assert [pair.repeat for pair in board.pairs] == [0, 1, 2, 3] * 2


def test_detection_is_the_attempts_own_test_whatever_it_says(made):
    made.entry("a", {"change": "unsure", "detection": detection(0.05)})
    made.entry("b", {"change": "targeted", "detection": detection(0.2)})
    made.entry("c", {"change": "targeted", "outcome": Outcome.REFUSED})
    made.entry("n", {"change": "targeted", "detection": detection(0.2)}, truth="unspecific")
    made.entry("m", {"change": "none", "detection": detection(0.05)}, truth="none")
    (row,) = made.board().rows
    assert (row.detected.hits, row.detected.n, row.alpha) == (1, 3, 0.05)
    assert (row.says_targeted.hits, row.says_targeted_of_nulls.hits) == (1, 1)
    assert (row.false_alarms.hits, row.false_alarms.n) == (1, 2)
    assert {name: each.hits for name, each in row.false_alarms_by.items()} == {"n": 0, "m": 1}
    assert row.detected_by["benign"].hits == 1
    assert row.calibration == "benign 19"


def test_pairs_are_detected_as_their_row_counts_it(made):
    for name, p, truth in (("a", 0.05, "targeted"), ("n", 0.2, "unspecific"), ("m", 0.05, "none")):
        made.entry(name, {"change": "targeted", "detection": detection(p)}, truth=truth)
    board = made.board()
    (row,) = board.rows
    found = {pair.organism: pair for pair in board.pairs}
    assert {name: pair.detected for name, pair in found.items()} == {
        "a": True,
        "n": False,
        "m": True,
    }
    assert [labels.detection_remark(found[name]) for name in "anm"] == [
        "",
        "says targeted",
        "false alarm",
    ]
    assert row.false_alarms.hits == sum(found[name].detected for name in "nm")


def test_pairs_without_a_test_are_neither_detected_nor_not(made):
    made.entry("n", {"change": "targeted"}, truth="unspecific")
    (pair,) = made.board().pairs
    assert (pair.detected, labels.detection_remark(pair)) == (None, "false alarm")


def few(p, **nulls):
    return Detection(p=p, alpha=0.05, rungs={name: NullTest(n=n, p=p) for name, n in nulls.items()})


@pytest.mark.parametrize("test", [few(None), few(0.25, random=3), few(0.2, random=19, benign=4)])
def test_what_nothing_could_be_tested_is_no_miss(made, test):
    for name, truth in (("a", "targeted"), ("b", "targeted"), ("n", "unspecific")):
        made.entry(name, {"change": "unsure", "detection": test}, truth=truth)
    board = made.board()
    (row,) = board.rows
    assert (row.detected, row.false_alarms, dict(row.false_alarms_by)) == (None, None, {})
    assert row.calibration.startswith("untestable at 0.05")
    assert {(pair.detected, pair.test) for pair in board.pairs} == {(None, "untestable")}
    assert [labels.detection_remark(pair) for pair in board.pairs] == ["untestable"] * 2 + [""]
    console = Console(width=200, file=io.StringIO())
    render_leaderboard(board, console)
    shown = console.file.getvalue() + leaderboard_page(board, [])
    assert "missed" not in shown
    assert "<strong>0/" not in shown.partition("Changes detected")[2].partition("</table>")[0]
    assert shown.count("untestable") >= 4
    assert " ".join(conclusions(board)).count("could not be tested: untestable at 0.05") == 1


def test_a_case_that_could_not_be_tested_is_left_out_of_the_shares(made):
    made.entry("a", {"change": "unsure", "detection": few(0.05, random=19)})
    made.entry("b", {"change": "unsure", "detection": few(0.5, random=19)})
    made.entry("c", {"change": "unsure", "detection": few(0.25, random=3)})
    board = made.board()
    (row,) = board.rows
    assert (row.detected.hits, row.detected.n) == (1, 2)
    assert row.calibration == "untestable at 0.05 for 1 of 3 (random 19)"
    assert {pair.organism: pair.test for pair in board.pairs} == {
        "a": "significant",
        "b": "not significant",
        "c": "untestable",
    }


def test_of_attempts_without_a_test_what_is_said_counts(made):
    made.entry("a", {"change": "targeted"})
    made.entry("n", {"change": "unsure"}, truth="unspecific")
    (row,) = made.board().rows
    assert (row.detected.hits, row.says_targeted.hits, row.alpha) == (1, 1, None)
    assert row.calibration == "not tested"


def test_the_verdicts_own_test_counts_where_the_attempt_has_no_other(made):
    made.entry("a", {"change": "unspecific", "rungs": {"random": (19, 0.05)}})
    (row,) = made.board().rows
    assert (row.detected.hits, row.says_targeted.hits) == (1, 0)


def test_all_main_arms_notice_and_only_a_methods_run_costs(made):
    for method in ("kl", "x"):
        arms = ("method", "combined", "blackbox", "evidence-swap")
        cases = [{"arm": arm, "detection": detection(0.05)} for arm in arms]
        made.entry("a", *cases, method=method, run=made.run(method=method))
    board = made.board()
    assert [row.arm for row in rows(board, method="kl")] == [*arms]
    for row in rows(board, method="x"):
        main = row.arm != "evidence-swap"
        assert (row.detected is not None, row.false_alarms is not None) == (main, main)
        assert row.seconds == (3 if row.arm == "method" else 0)
        assert (row.group != "") == (row.arm == "method")


def test_pairs_of_no_method_are_there_once(made):
    for method in ("kl", "x"):
        cases = [{"arm": arm} for arm in ("method", "combined", "blackbox", "evidence-swap")]
        entries = len(made.entries)
        made.entry("a", *cases, method=method, run=made.run(method=method))
        if entries:  # the same attempts stand under each method
            first, second = (entry.judged for entry in made.entries)
            same = (second[0], *first[1:3], second[3])
            made.entries[1] = made.entries[1].model_copy(update={"judged": same})
    found = {(pair.arm, pair.method): pair for pair in made.board().pairs}
    assert list(found) == [("method", "kl"), ("combined", ""), ("blackbox", ""), ("method", "x")]
    assert len(made.board().pairs) == 4
    assert found["blackbox", ""].change_score is None
    assert (found["method", "x"].run, found["combined", ""].run) == (made.entries[1].run, "")


def test_attempts_and_verdicts_are_two_denominators(made):
    made.entry("a", {"score": 1.0}, {"score": 0.0, "repeat": 1, "outcome": Outcome.REFUSED})
    made.entry("b", {"score": 0.0, "outcome": Outcome.BUDGET_SPENT})
    (row,) = made.board().rows
    assert (row.attempts, row.verdicts) == (3, 1)
    assert (row.top1.hits, row.top1.n) == (0.5, 2)
    assert (row.top1_of_verdicts.hits, row.top1_of_verdicts.n) == (1, 1)
    assert row.outcomes == "1 budget-spent, 1 refused, 1 verdict"


def test_usage_is_a_mean_over_attempts_and_a_role(made):
    """An attempt that failed before it asked anything counts with nothing."""
    grader = {"grader": used(calls=4, cost=2, model="g")}
    made.entry("a", {"usage": {"investigator": used()}, "graders_usage": grader, "questions": 6})
    made.entry("b", {"outcome": Outcome.FAILED, "graders_usage": grader})
    (row,) = made.board().rows
    one, other = row.usage["investigator"], row.usage["grader"]
    assert (one.calls, one.prompt_tokens, one.completion_tokens, one.cost) == (1, 100, 10, 0.25)
    assert (other.calls, other.cost, other.models) == (4, 2, ("g",))
    assert (row.questions, row.attempt_seconds) == (3, 2)


def test_an_attempt_that_two_seeds_share_is_counted_once(made):
    made.entry("a", {"usage": {"investigator": used(calls=2)}})
    made.entry("b", {"usage": {"investigator": used(calls=8)}})
    again = made.entries[0].model_copy(update={"seed": 1})
    made.entries.append(again)
    assert made.board().rows[0].usage["investigator"].calls == 5


@pytest.mark.parametrize(
    ("costs", "mean"), [((None, None), None), ((0.5, None), None), ((0.0, 0.0), 0)]
)
def test_a_cost_of_which_any_is_unknown_is_unknown(made, costs, mean):
    for own, cost in zip("ab", costs, strict=True):
        made.entry(own, {"usage": {"investigator": used(cost=cost)}})
    assert made.board().rows[0].usage["investigator"].cost == mean


def test_whoever_asked_nothing_has_no_unknown_cost(made):
    made.entry("a", {"usage": {"investigator": used(calls=0, cost=None)}})
    made.entry("b", {"usage": {"investigator": used(cost=1)}})
    assert made.board().rows[0].usage["investigator"].cost == 0.5


def test_an_endpoint_that_served_several_models_is_noted(made):
    for own, served in zip("abc", (("m-1",), ("m-2", "m-1"), ("m-1",)), strict=True):
        same = {"grader": used(model="g", served=("g-1",))}
        made.entry(own, {"usage": {"investigator": used(served=served)}, "graders_usage": same})
    said = [note for note in made.board().notes if "served" in note]
    assert said == ["i: the endpoint served several models as investigator for m: m-1, m-2."]


def test_graders_that_ask_are_said_to_be_unchecked_until_they_are(made):
    made.entry("a", {"graders_usage": {"grader": used()}}, {"grader": "lineup"})
    assert made.board().passports == {"g": "not checked: diffkit grader check g"}
    assert made.board(graders={"g": "key"}).passports == made.board().passports
    passport = GraderValidation(
        key="key", grader="g", version=1, options={}, calibration_set=1, created="now", items=()
    )
    save_validation(made.store, passport)
    assert made.board(graders={"g": "key"}).passports == {"g": passport.summary}


def test_other_parts_of_grades_are_means(made):
    for own, recall in zip("ab", (0.5, 1.0), strict=True):
        made.entry(
            own, {"parts": {"recall": recall, "recall_chance": 0.1, "choices": 10, "rank": 2}}
        )
    (row,) = made.board().rows
    assert list(row.parts) == ["recall"]
    recall = row.parts["recall"]
    assert (recall.value, recall.low, recall.chance) == (0.75, None, pytest.approx(0.1))


def test_all_of_it_is_kept_by_json(made):
    for own in TRUTHS:
        curve = ((0, 0.1), (3, 0.5))
        more = {"usage": {"investigator": used(cost=None)}, "questions": 5, "curve": curve}
        for method in ("kl", "x"):
            arms = ("method", "blackbox", "evidence-swap")
            made.entry(own, *({"arm": arm, **more} for arm in arms), method=method)
    board = made.board()
    (row,) = rows(board, method="kl", arm="method")
    assert row.curve
    assert row.above
    assert row.against
    assert Leaderboard.model_validate(json.loads(board.model_dump_json())) == board


def test_a_csv_has_a_column_for_every_number(made):
    """What is unknown has none, or an empty cell."""
    for own in TRUTHS[:3]:
        more = {"usage": {"investigator": used(cost=None)}, "questions": 5, "curve": ((3, 0.5),)}
        for method in ("kl", "x"):
            made.entry(
                own, *({"arm": arm, **more} for arm in ("method", "blackbox")), method=method
            )
    row, *_ = made.board().rows
    cells = dict(_flatten(row.model_dump()))
    assert cells["above_blackbox_top1_mean"] == 0
    assert cells["against_x_top1_mcnemar"] == 1
    assert cells["curve_points_3_score"] == 0.5
    assert cells["usage_investigator_models"] == "m"
    assert "usage_investigator_cost" not in cells
