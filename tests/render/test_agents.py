"""Boards of readers that ask, in the terminal and as a page."""

import pytest
from rich.console import Console

from diffkit.evaluation.leaderboard import (
    BudgetCurve,
    CurvePoint,
    Difference,
    Measure,
    RoleUse,
)
from diffkit.render import labels
from diffkit.render.html.forest_plot import forest_panels
from diffkit.render.html.pages import leaderboard_page
from diffkit.render.sections import sections
from diffkit.render.terminal.reports import render_leaderboard
from diffkit.statistics import Share

ADDED = ("what the findings add", "method against method", "score by questions asked",
         "how attempts ended", "what a language model used", "parts of the grades")  # fmt: skip
DIFFERENCE = Difference(mean=0.25, n=4, low=-0.05, high=0.5, p=0.0625)


def told(board, width=100):
    console = Console(width=width, record=True, color_system=None)
    render_leaderboard(board, console)
    return console.export_text()


def asking(row, **more):
    """A row of a reader that asks."""
    use = RoleUse(models=("vendor/m",), calls=12.5, prompt_tokens=20_100, completion_tokens=800)
    points = {0: CurvePoint(score=0.125), 20: CurvePoint(score=0.5, low=0.3, high=0.7)}
    known = {
        "investigator": "agent",
        "usage": {"investigator": use, "grader": use.model_copy(update={"cost": 0.0123})},
        "questions": 14.5,
        "attempts": 12,
        "verdicts": 9,
        "repeats": 3,
        "alpha": 0.05,
        "attempt_seconds": 75.0,
        "top1_of_verdicts": Measure(hits=3, n=4, low=0.3, high=0.95),
        "says_targeted": Share(hits=4, n=4, low=0.51, high=1),
        "curve": BudgetCurve(points=points, area=0.31),
    }
    return row.model_copy(update={**known, **more})


@pytest.fixture
def agents(leaderboard):
    """Two methods with a swap each, and what both methods share."""
    kl, _, swap, _, lens, *_ = leaderboard.rows
    above = {"evidence-swap": {"top1": DIFFERENCE}, "blackbox": {"top1": DIFFERENCE}}
    rows = []
    for row, others in ((kl, {"activation_difference_lens": {"top1": DIFFERENCE}}), (lens, {})):
        name = {"method": row.method}
        rows.append(asking(row, above=above, against=others))
        rows.append(asking(swap, **name, detected=None, says_targeted=None))
        rows += [asking(row, arm=arm, group="") for arm in ("combined", "blackbox")]
        rows[-2:] = [one.model_copy(update={**_numbers(kl), **name}) for one in rows[-2:]]
    passports = {"lineup": "right about 9 of 10 calibration claims"}
    return leaderboard.model_copy(update={"rows": tuple(rows), "passports": passports})


def _numbers(row):
    return {"top1": row.top1, "named": row.named, "reciprocal_rank": row.reciprocal_rank}


def test_a_board_of_the_lineup_alone_has_none_of_it(leaderboard):
    text, page = told(leaderboard).lower(), leaderboard_page(leaderboard, []).lower()
    for title in (*ADDED, "mcnemar", "says targeted", "detected at", "graded by lineup  not"):
        assert title not in text
        assert title not in page


def test_what_all_methods_share_is_a_row_of_its_own_name_once(agents):
    section, *_ = sections(agents)
    assert [row.arm for row in section.rows] == [
        *("method", "evidence-swap") * 2,
        "combined",
        "blackbox",
    ]
    assert [labels.name(row) for row in section.mains] == [
        "kl",
        "activation_difference_lens",
        "all methods together",
        "questions alone",
    ]
    assert section.shared == ()
    assert list(section.named)[1] == "kl: another organism's findings"
    assert [bar.label for bar in forest_panels(agents)[1].bars][-2:] == [
        "all methods together",
        "questions alone",
    ]


def test_questions_alone_that_differ_stand_below_each_method(agents):
    rows = list(agents.rows)
    rows[3] = rows[3].model_copy(update={"detected": Share(hits=4, n=4)})
    section, *_ = sections(agents.model_copy(update={"rows": tuple(rows)}))
    arms = [row.arm for row in section.rows]
    assert arms == ["method", "evidence-swap", "blackbox"] * 2 + ["combined"]
    assert "kl: questions alone" in section.named
    assert len(section.named) == len(section.rows)


def test_where_there_are_questions_alone_they_stand_once_too(agents):
    rows = tuple(row for row in agents.rows if row.arm == "blackbox")
    board = agents.model_copy(update={"rows": rows})
    (section,) = sections(board)
    assert [row.arm for row in section.mains] == ["blackbox"]
    assert "questions alone" in told(board)


def test_the_terminal_tells_what_attempts_came_to(agents):
    text = told(agents)
    for title in ADDED[:5]:
        assert text.count(f"zoo: {title}") == 1
    for part in ("+0.25 [-0.05, +0.50]", "p 0.0625, McNemar –", "detected at 0.05", "4/4 of truths",
                 "0–20", "0.31", "0.50 [0.30, 0.70]", "▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█", "12.5", "20,100",
                 "unknown", "$0.012", "14.5", "1 min"):  # fmt: skip
        assert part in text
    assert "graded by  lineup: right about 9 of 10" in text
    assert all(meaning[:30] in text for _, meaning in labels.AGENT_LEGEND)


@pytest.mark.parametrize("width", [60, 100])
def test_it_is_not_wider_than_the_terminal(agents, width):
    assert max(map(len, told(agents, width).splitlines())) <= width


def test_the_page_tells_it_too(agents):
    page = leaderboard_page(agents, [])
    for title in ADDED[:5]:
        assert f"<h3>{title.capitalize()}" in page
    for part in ("+0.25 [-0.05, +0.50]", "0.0625", "detected at 0.05", "unknown", "$0.012",
                 "right about 9 of 10", "0.50 [0.30, 0.70]", "pass the test"):  # fmt: skip
        assert part in page
    assert page.count("<polyline") == 2 * 6  # six lines and their swatches
    assert "Infinity" not in page


def test_runs_cost_only_methods(agents):
    trust = told(agents).split("Calibration and cost")[1].split("Results for each pair")[0]
    rows = [line.split() for line in trust.splitlines()]
    assert next(row for row in rows if row[:2] == ["questions", "alone"])[-2:] == ["–", "–"]
    assert next(row for row in rows if row[:1] == ["kl"])[-1] == "GiB"


def test_a_grader_without_lineups_has_a_score_and_its_parts(agents):
    recall = Measure(hits=2, n=4, chance=0.25)
    bare = {"named": None, "reciprocal_rank": None, "parts": {"key_facts": recall}}
    rows = tuple(row.model_copy(update=bare) for row in agents.rows)
    board = agents.model_copy(update={"rows": rows})
    (section,) = sections(board)
    assert section.columns == section.compared == (("top1", "score"),)
    text, page = told(board), leaderboard_page(board, [])
    for shown in (text, page):
        assert "top-1" not in shown
        assert "key facts" in shown
    assert text.splitlines()[1].split() == ["method", "score"]
    assert ">Score</strong>" in page


def test_repeats_are_named_where_there_are_any(agents):
    first, *rest = agents.pairs
    again = first.model_copy(update={"repeat": 1})
    alone = first.model_copy(update={"arm": "blackbox", "method": ""})
    board = agents.model_copy(update={"pairs": (first, again, alone, *rest)})
    text, page = told(board), leaderboard_page(board, [])
    assert "cake, repeat 0" in text
    assert "cake, repeat 1" in text
    assert "questions alone\nlineup · lineup" in "\n".join(map(str.rstrip, text.splitlines()))
    assert '<th scope="col" class="n">repeat</th>' in page
    assert "repeat</th>" not in leaderboard_page(agents, [])


def test_foreign_words_are_inert(agents, hostile):
    use = RoleUse(models=(hostile,), calls=1, prompt_tokens=1, completion_tokens=1)
    more = {"usage": {hostile: use}, "against": {hostile: {"top1": DIFFERENCE}}, "method": hostile}
    rows = tuple(row.model_copy(update=more) for row in agents.rows[:2])
    update = {"rows": rows, "passports": {hostile: hostile}}
    board = agents.model_copy(update=update)
    text, page = told(board), leaderboard_page(board, [])
    assert "\x1b" not in text + page
    assert "\u202e" not in text + page
    assert "<script>" not in page


def test_pairs_of_no_method_come_after_those_of_methods(agents):
    first, second = agents.pairs
    alone = first.model_copy(update={"arm": "blackbox", "method": "", "investigator": "agent"})
    lens = second.model_copy(update={"method": "activation_difference_lens"})
    known = [pair.model_copy(update={"investigator": "agent"}) for pair in (alone, lens, first)]
    text = told(agents.model_copy(update={"pairs": tuple(known)})).split("Results for each pair")[1]
    names = ("kl", "activation_difference_lens", "questions alone")
    assert [line.strip() for line in text.splitlines() if line.strip() in names] == [*names]


def test_a_grader_that_failed_throughout_is_a_note_and_no_table(leaderboard, failing):
    text, page = told(failing), leaderboard_page(failing, [])
    assert text.count("truths found") == told(leaderboard).count("truths found") == 2
    assert page.count("<h3>Truths found") == 2
    assert "truths found  read by lineup, graded by rubric" not in text
    for shown in (text, page):
        assert "10 attempts are not graded" in shown
    rows = [row for row in failing.rows if row.grader == "rubric"]
    pairs = [pair for pair in failing.pairs if pair.grader == "rubric"]
    alone = failing.model_copy(update={"rows": tuple(rows), "pairs": tuple(pairs)})
    for shown in (told(alone), leaderboard_page(alone, [])):
        assert "best blind guesser" not in shown
        assert "changes detected" in shown.lower()
        assert "10 attempts are not graded" in shown
