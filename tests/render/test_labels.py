import io
from typing import get_args

import pytest
from rich.console import Console

from diffkit.evaluation import Arm
from diffkit.evaluation.leaderboard import Measure, Stratum
from diffkit.render import labels
from diffkit.render.attempt_fields import verdict_fields
from diffkit.render.html.pages import leaderboard_page
from diffkit.render.terminal.reports import render_leaderboard
from diffkit.statistics import Share
from diffkit.verdict import Detection, NullTest, Verdict


def told(board):
    console = Console(width=100, record=True, file=io.StringIO())
    render_leaderboard(board, console)
    return console.export_text()


def test_an_interval_that_does_not_exist_is_empty():
    assert labels.interval(Share(hits=0, n=0)) == ""
    assert labels.interval(Share(hits=1, n=2, low=0.09, high=0.91)) == "[0.09, 0.91]"


@pytest.mark.parametrize(
    ("hits", "shown"), [(3, "3/4"), (3.0, "3/4"), (2.75, "2.8/4"), (2.98, "3.0/4"), (0.04, "0.0/4")]
)
def test_units_that_count_in_part_have_a_decimal(hits, shown):
    assert labels.count(Share(hits=hits, n=4)) == shown


def test_a_mean_is_no_count():
    assert labels.value(Measure(hits=3, n=4, low=0.3, high=0.95)) == "3/4"
    assert labels.value(Measure(hits=3, n=4)) == "0.75"
    assert labels.value(Measure(hits=0, n=0)) == "0/0"


def test_every_control_and_stratum_has_words():
    assert set(labels.ARMS) == set(get_args(Arm))
    assert set(labels.STRATA) == set(get_args(Stratum))


def test_mistakes_are_named(leaderboard):
    right, wrong = leaderboard.pairs
    assert labels.detection_remark(right) == ""
    assert labels.detection_remark(wrong) == "false alarm"
    unseen = {"said": "abstained", "test": "not significant"}
    assert labels.detection_remark(right.model_copy(update=unseen)) == "missed"
    assert labels.detection_remark(right.model_copy(update={"truth": "bakes cakes"})) == ""


@pytest.mark.parametrize(
    ("truth", "said", "test", "remark"),
    [
        ("unspecific", "targeted", "significant", "false alarm"),
        ("unspecific", "unsure", "significant", "false alarm"),
        ("none", "targeted", "not significant", "says targeted"),
        ("none", "targeted", "untestable", "says targeted"),
        ("none", "targeted", "not tested", "false alarm"),
        ("none", "unspecific", "not significant", ""),
        ("none", "unsure", "untestable", ""),
        ("none", "refused", "not tested", ""),
        ("targeted", "targeted", "not significant", ""),
        ("targeted", "targeted", "untestable", ""),
        ("targeted", "unsure", "significant", ""),
        ("targeted", "unsure", "not significant", "missed"),
        ("targeted", "none", "untestable", "untestable"),
        ("targeted", "unsure", "untestable", "untestable"),
        ("targeted", "none", "not tested", "missed"),
        ("targeted", "unsure", "not tested", "not tested"),
        ("targeted", "refused", "not tested", "not tested"),
    ],
)
def test_a_test_decides_what_a_false_alarm_is(leaderboard, truth, said, test, remark):
    tested = {"truth": truth, "said": said, "test": test}
    assert labels.detection_remark(leaderboard.pairs[0].model_copy(update=tested)) == remark


def test_a_p_value_that_assumes_a_distribution_is_shown_where_a_pair_has_one(leaderboard):
    assert labels.pair_p_values(leaderboard.pairs) == {"p": "p"}
    one, *others = leaderboard.pairs
    assumed = leaderboard.model_copy(
        update={"pairs": (one.model_copy(update={"t_p": 0.0123}), *others)}
    )
    assert labels.pair_p_values(assumed.pairs) == {"p": "p", "p (t)": "t_p"}
    for shown in (told(assumed), leaderboard_page(assumed, [])):
        assert "p (t)" in shown
        assert "0.0123" in shown
        assert "are normally distributed" in " ".join(shown.split())
    assert "p (t)" not in told(leaderboard) + leaderboard_page(leaderboard, [])


def test_an_attempt_says_both_p_values():
    detection = Detection.of({"random": NullTest.of(9.0, [1.0, 2.0, 3.0, 4.0])}, 0.05)
    fields = dict(verdict_fields(Verdict(change="unsure", detection=detection)))
    assert fields["detection"].startswith("p 0.2 at 0.05 (random 0.2 of 4); p 0.0")
    assert "if scores of nulls are normally distributed (random 0.0" in fields["detection"]


def test_a_column_is_explained_only_where_it_is_shown(leaderboard, taught):
    assert labels.legend(leaderboard.rows) == labels.LEGEND
    names = [name for name, _ in labels.legend(taught.rows)]
    assert names[:4] == ["top-1", "named", labels.NAMED_BY_EXAMPLES, "1/rank"]
