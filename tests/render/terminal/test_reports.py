import subprocess
import sys

import pytest
from rich.console import Console

from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.findings import Note
from diffkit.render.terminal.reports import render_findings, render_leaderboard


def test_a_run_begins_with_what_was_run_and_how_much_changed(stored, console):
    render_findings(stored(Note(text="n"), change_score=0.2134, metrics={"kl_nats": 0.5}), console)
    text = console.export_text()
    for part in ("kl  version 2", "layer=0.5", "template=a⏎b", "0.213", "kl_nats=0.5", "12 s"):
        assert part in text


def test_every_finding_is_shown(stored, each, console):
    render_findings(stored(*each("cake")), console)
    text = console.export_text()
    assert text.count("cake") >= 7
    assert "more finding" not in text


def test_findings_beyond_the_limit_are_counted(stored, console):
    render_findings(stored(*(Note(text=f"note {i}") for i in range(5))), console, limit=2)
    text = console.export_text()
    assert "note 1" in text
    assert "note 2" not in text
    assert "… 3 more findings" in text


def test_no_findings_are_said(stored, console):
    render_findings(stored(), console)
    text = console.export_text()
    assert "no findings" in text
    assert "change score   –" in text


def test_foreign_text_cannot_steer_a_colour_terminal(stored, each, hostile, capsys):
    run = stored(*each(hostile), metrics={hostile: 1.0})
    render_findings(run, Console(width=100, force_terminal=True, color_system="truecolor"))
    shown = capsys.readouterr().out
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("width", [20, 60, 100, 200])
def test_nothing_is_wider_than_the_terminal(stored, each, leaderboard, width):
    console = Console(width=width, record=True, color_system=None)
    render_findings(stored(*each("a long word and " * 20)), console)
    render_leaderboard(leaderboard, console)
    assert max(len(line) for line in console.export_text().splitlines()) <= width


def test_a_leaderboard_shows_shares_beside_chance_intervals_and_nulls(leaderboard, console):
    render_leaderboard(leaderboard, console)
    text = console.export_text()
    for part in ("3/4", "[0.30, 0.95]", "0.125", "0.34", "none to count", "untestable at 0.05"):
        assert part in text
    assert "activation_difference_lens" in text
    assert "Two truths share their words." in text


def test_the_interval_stands_below_its_share(leaderboard, console):
    render_leaderboard(leaderboard, console)
    lines = console.export_text().splitlines()
    row = next(index for index, line in enumerate(lines) if "3/4" in line)
    assert lines[row].index("3/4") == lines[row + 1].index("[0.30")


def test_controls_stand_below_their_method_and_once_where_they_are_the_same(leaderboard, console):
    render_leaderboard(leaderboard, console)
    lines = [line.strip() for line in console.export_text().splitlines()]
    first = [line.split("  ")[0] for line in lines]
    at = {name: [i for i, line in enumerate(first) if line == name] for name in first}
    swapped, (empty,) = at["another organism's findings"], at["no findings at all"]
    assert len(swapped) == 2
    assert at["kl"][0] < swapped[0] < at["activation_difference_lens"][0] < swapped[1] < empty
    assert any(line.startswith("ceiling: words of the training") for line in lines)


def test_a_control_that_differs_between_methods_stands_below_each(leaderboard, console):
    rows = list(leaderboard.rows)
    rows[1] = rows[1].model_copy(update={"top1": rows[2].top1})
    render_leaderboard(leaderboard.model_copy(update={"rows": tuple(rows)}), console)
    assert console.export_text().count("no findings at all") == 2


def test_each_stratum_has_its_tables(leaderboard, console):
    render_leaderboard(leaderboard, console)
    text = console.export_text()
    assert "zoo: truths found  read by lineup, graded by lineup" in text
    assert "truths found, where no particular words show it" in text
    assert "changes detected, where no particular words show it" in text


def test_what_it_means_stands_beside_p_letters_and_kinds_of_null(leaderboard, console):
    render_leaderboard(leaderboard, console)
    text = console.export_text()
    for part in ("p 0.0123", "tied: b", "3/4 seed pairs", "1/6 another corpus", "1.2/4"):
        assert part in text
    assert "not told apart by a test" in text


def test_what_was_named_by_training_examples_has_a_table_that_says_so(leaderboard, taught, console):
    render_leaderboard(leaderboard, console)
    assert "training examples" not in console.export_text()
    render_leaderboard(taught, console)
    lines = console.export_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("zoo: named by training ex"))
    assert lines[at + 1].split("  ")[0] == "method"
    assert lines[at + 3].split() == ["kl", "3.5/4", "[0.41,", "0.99]", "0.125", "0.0007"]
    assert max(map(len, lines)) <= 100


def test_where_no_kind_of_null_could_be_passed_it_says_why(leaderboard, console):
    untested = {"detected_by": {}, "calibration": "untestable at 0.05 (no nulls)"}
    rows = (leaderboard.rows[0].model_copy(update=untested),)
    render_leaderboard(leaderboard.model_copy(update={"rows": rows}), console)
    assert console.export_text().count("untestable at 0.05 (no nulls)") == 2


def test_pairs_say_what_was_right_and_what_was_not(leaderboard, console):
    render_leaderboard(leaderboard, console)
    lines = console.export_text().splitlines()
    cake = next(line for line in lines if line.startswith("  cake"))
    noise = next(line for line in lines if line.startswith("  noise"))
    assert cake.split() == ["cake", "targeted", "targeted", "0.200", "0.048", "1", "1"]
    assert "false alarm" in noise


def test_seeds_are_named_where_they_differ(leaderboard, console):
    again = leaderboard.pairs[0].model_copy(update={"seed": 7})
    both = leaderboard.model_copy(update={"pairs": (leaderboard.pairs[0], again)})
    render_leaderboard(both, console)
    text = console.export_text()
    assert "cake #0" in text
    assert "cake #7" in text


def test_an_empty_leaderboard_says_so(console):
    render_leaderboard(Leaderboard(suite="zoo", rows=(), pairs=()), console)
    assert "nothing has been graded" in console.export_text()


def test_a_hostile_leaderboard_is_inert(leaderboard, hostile, console):
    rungs = {hostile: leaderboard.rows[0].detected}
    foreign = {"detected_by": rungs, "false_alarms_by": rungs, "investigator": hostile}
    foreign |= {"method": hostile, "outcomes": hostile}
    row = leaderboard.rows[0].model_copy(update=foreign)
    pair = leaderboard.pairs[0].model_copy(update={"said": hostile, "organism": hostile})
    update = {"suite": hostile, "rows": (row,), "pairs": (pair,), "notes": (hostile,)}
    render_leaderboard(leaderboard.model_copy(update=update), console)
    text = console.export_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]" in text


def test_rendering_loads_no_models():
    code = (
        "import sys, diffkit.render.terminal.reports, diffkit.render.html.pages\n"
        "print({'torch', 'transformers', 'nnsight'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
