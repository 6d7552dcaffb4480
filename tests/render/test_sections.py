from diffkit.evaluation.leaderboard import Measure
from diffkit.render.sections import detection_sections, graded_sections, sections


def test_strata_and_readers_have_a_section_each(leaderboard):
    other = leaderboard.rows[0].model_copy(update={"investigator": "agent"})
    both = leaderboard.model_copy(update={"rows": (*leaderboard.rows, other)})
    assert [(one.stratum, one.investigator) for one in sections(both)] == [
        ("all", "lineup"),
        ("all", "agent"),
        ("non-lexical", "lineup"),
    ]


def test_what_is_the_same_for_every_method_is_there_once(leaderboard):
    section, rest = sections(leaderboard)
    assert [row.arm for row in section.shared] == ["no-evidence", "ceiling"]
    assert [row.arm for row in section.rows] == ["method", "evidence-swap"] * 2
    assert [row.method for row in section.mains] == ["kl", "activation_difference_lens"]
    assert rest.shared == ()


def test_a_control_that_one_method_lacks_stays_below_the_other(leaderboard):
    rows = tuple(row for index, row in enumerate(leaderboard.rows) if index != 1)
    section, _ = sections(leaderboard.model_copy(update={"rows": rows}))
    assert [row.arm for row in section.shared] == ["ceiling"]
    assert [row.arm for row in section.rows] == [
        "method",
        "evidence-swap",
        "method",
        "no-evidence",
        "evidence-swap",
    ]


def test_a_control_that_differs_by_training_examples_alone_stays_below_each(taught):
    rows = list(taught.rows)
    rows[1] = rows[1].model_copy(update={"named_by_examples": None})
    section, _ = sections(taught.model_copy(update={"rows": tuple(rows)}))
    assert [row.arm for row in section.shared] == ["ceiling"]
    assert section.by_examples


def test_examples_are_known_only_where_there_are_any(leaderboard, taught):
    assert [one.by_examples for one in sections(leaderboard)] == [False, False]
    assert [one.by_examples for one in sections(taught)] == [True, True]


def test_detection_is_shown_once_for_each_investigator(leaderboard):
    rows = tuple(row.model_copy(update={"grader": "other"}) for row in leaderboard.rows)
    both = sections(leaderboard.model_copy(update={"rows": (*leaderboard.rows, *rows)}))
    alone = sections(leaderboard)
    assert len(both) == 2 * len(alone)
    shown = detection_sections(both)
    assert [(one.stratum, one.grader) for one in shown] == [(one.stratum, "") for one in alone]
    assert shown[0].readers == f"read by {alone[0].investigator}"
    assert detection_sections(alone) == alone


def test_a_grader_that_failed_throughout_says_nothing_of_who_sees_what(leaderboard, failing):
    assert graded_sections(leaderboard) == sections(leaderboard)
    assert graded_sections(failing) == sections(leaderboard)
    assert len(sections(failing)) == 2 * len(sections(leaderboard))


def test_a_grader_of_nulls_alone_did_not_fail(leaderboard):
    rows = tuple(row.model_copy(update={"top1": Measure(hits=0, n=0)}) for row in leaderboard.rows)
    board = leaderboard.model_copy(update={"rows": rows})
    assert graded_sections(board) == sections(board)
    assert graded_sections(board.model_copy(update={"pairs": ()})) == ()


def test_a_stratum_of_one_truth_has_no_section(leaderboard):
    alone = leaderboard.rows[-1].model_copy(update={"top1": Measure(hits=0, n=1), "detected": None})
    found = sections(leaderboard.model_copy(update={"rows": (*leaderboard.rows[:-1], alone)}))
    assert [section.stratum for section in found] == ["all"]
