from typing import get_args

import pytest

from diffkit.evaluation import Arm
from diffkit.evaluation.leaderboard import Measure, Stratum
from diffkit.render import labels
from diffkit.statistics import Share


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
    assert labels.mistake(right) == ""
    assert labels.mistake(wrong) == "false alarm"
    assert labels.mistake(right.model_copy(update={"said": "abstained"})) == "missed"
    assert labels.mistake(right.model_copy(update={"truth": "bakes cakes"})) == ""


@pytest.mark.parametrize(
    ("truth", "said", "detected", "mistake"),
    [
        ("unspecific", "targeted", True, "false alarm"),
        ("unspecific", "unsure", True, "false alarm"),
        ("none", "targeted", False, "says targeted"),
        ("none", "unspecific", False, ""),
        ("none", "refused", None, ""),
        ("targeted", "targeted", False, ""),
        ("targeted", "unsure", True, ""),
        ("targeted", "unsure", False, "missed"),
        ("targeted", "refused", None, "missed"),
    ],
)
def test_a_test_decides_what_a_false_alarm_is(leaderboard, truth, said, detected, mistake):
    tested = {"truth": truth, "said": said, "detected": detected}
    assert labels.mistake(leaderboard.pairs[0].model_copy(update=tested)) == mistake


def test_a_column_is_explained_only_where_it_is_shown(leaderboard, taught):
    assert labels.legend(leaderboard.rows) == labels.LEGEND
    names = [name for name, _ in labels.legend(taught.rows)]
    assert names[:4] == ["top-1", "named", labels.NAMED_BY_EXAMPLES, "1/rank"]
