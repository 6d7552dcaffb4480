import pytest

from diffkit.evaluation.leaderboard import Leaderboard, Measure
from diffkit.render.conclusions import conclusions
from diffkit.statistics import Share


def test_each_method_has_its_truths_chance_best_control_and_detections(leaderboard):
    first, second = conclusions(leaderboard)
    assert first == (
        "From kl, lineup named 3/4 truths among the candidates; chance 0.125, p 0.0001: "
        "better than chance. Its best control, another organism's findings, got 2/4. "
        "It detected 2/4 changes."
    )
    assert second.startswith("From activation_difference_lens, lineup named 1.2/4 truths")
    assert "got 1/4." in second


def test_what_chance_explains_is_said_to_be_so(leaderboard):
    row = leaderboard.rows[0]
    weak = row.model_copy(update={"named": row.named.model_copy(update={"p": 0.051})})
    (said,) = conclusions(leaderboard.model_copy(update={"rows": (weak,)}))
    assert "p 0.051: not distinguishable from chance." in said
    assert "control" not in said
    untested = row.model_copy(update={"named": row.named.model_copy(update={"p": None})})
    (said,) = conclusions(leaderboard.model_copy(update={"rows": (untested,)}))
    assert "no test against chance is possible here" in said


def test_a_grader_without_a_lineup_scores_on_average(leaderboard):
    row = leaderboard.rows[0].model_copy(update={"named": None, "top1": Measure(hits=2.5, n=4)})
    (said,) = conclusions(leaderboard.model_copy(update={"rows": (row,)}))
    assert said.startswith("From kl, lineup scored 0.62 on average: no test")


def test_nothing_is_concluded_where_nothing_is_graded():
    assert conclusions(Leaderboard(suite="zoo", rows=(), pairs=())) == ()


def test_of_many_methods_one_is_expected_to_look_good(leaderboard):
    """0.02 of one method is significant; the least of three is 0.06 by Holm's correction."""

    def said(*ps):
        rows = []
        for number, p in enumerate(ps):
            row = leaderboard.rows[0]
            named = row.named.model_copy(update={"p": p})
            rows.append(row.model_copy(update={"named": named, "method": f"m{number}"}))
        return conclusions(leaderboard.model_copy(update={"rows": tuple(rows)}))

    assert "p 0.02: better than chance." in said(0.02)[0]
    first, second, third = said(0.02, 0.4, 0.6)
    assert "p 0.02: not distinguishable from chance, with so many methods tried" in first
    assert "(corrected p 0.06)." in first
    assert "p 0.4: not distinguishable from chance." in second
    assert "not distinguishable" in third
    assert "better than chance" in said(0.01, 0.4, None)[0]
    assert "no test" in said(0.01, 0.4, None)[2]


def test_a_control_that_does_as_well_takes_the_conclusion_back(leaderboard):
    first = leaderboard.rows[0]
    beaten = first.model_copy(update={"named": first.named.model_copy(update={"hits": 2})})
    said = conclusions(leaderboard.model_copy(update={"rows": (beaten, *leaderboard.rows[1:])}))
    assert "got 2/4, which is no less: the findings are not shown" in said[0]
    assert "no less" not in conclusions(leaderboard)[0]


@pytest.mark.parametrize(
    ("hits", "alarms", "expected"),
    [
        # By hand: P(at least 2 of 4 at 0.05) = 0.0140; P(at least 1 of 4 at 0.05) = 0.185.
        (2, None, "2/4 changes, more than false alarms would give (p 0.014)."),
        (1, None, "1/4 changes, no more than false alarms could give."),
        (2, Share(hits=0, n=9), "0/9 false alarms, more than false alarms would give (p 0.014)."),
        # P(at least 2 of 4 at 0.2) = 0.181: the nulls under test raise more than the level.
        (2, Share(hits=2, n=10), "2/10 false alarms, no more than false alarms could give."),
        (1.5, None, "1.5/4 changes, no more than false alarms could give."),
        (0, None, "0/4 changes, no more than false alarms could give."),
    ],
)
def test_detections_are_compared_with_false_alarms(leaderboard, hits, alarms, expected):
    update = {"detected": Share(hits=hits, n=4), "alpha": 0.05, "false_alarms": alarms}
    row = leaderboard.rows[0].model_copy(update=update)
    (said,) = conclusions(leaderboard.model_copy(update={"rows": (row,)}))
    assert said.endswith(expected)
