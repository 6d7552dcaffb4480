from diffkit.evaluation.leaderboard import Leaderboard, Measure
from diffkit.render.conclusions import conclusions


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
