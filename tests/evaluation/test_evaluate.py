"""Evaluations through the program: what fails costs its own; what is stored is not made again."""

import json
import shutil
from pathlib import Path

import pytest
from dk_fixtures import add_metadata

from diffkit.evaluation.leaderboard import Leaderboard

PLAIN = ["evaluate", "--controls", "none", "--organisms", "birds,same", "--methods", "echo"]
FLAGS = ["evaluate", "--organisms", "birds,same,noise", "--methods", "echo", "--seeds", "0,1"]
JUDGES = ["--investigators", "blunt,lineup", "--graders", "strict,lineup", "--calibrate", "noise:2"]


@pytest.fixture
def board(cli):
    def read():
        return Leaderboard.model_validate_json(cli("leaderboard", "--json").out)

    return read


def record(name="evaluation"):
    return json.loads(Path(f"diffkit-runs/evaluations/{name}.json").read_text())


def test_a_file_and_flags_make_the_same_evaluation(cli, stranger):
    Path("folder").mkdir()
    Path("folder/suite.yaml").write_text(
        """
name: from-file
organisms: [birds, {organism: same}, noise]
methods: {echo: }
seeds: [0, 1]
investigators: [blunt, lineup]
graders: [strict, lineup]
calibration: [{organism: noise, draws: 2}]
texts: words.jsonl
"""
    )
    Path("folder/words.jsonl").write_text('{"text": "Some words."}\n')
    assert cli("evaluate", "folder/suite.yaml").code == 0
    done = len(stranger.lines())
    texts = ("--texts", "folder/words.jsonl", "--name", "from-flags")
    said = cli(*FLAGS, *JUDGES, *texts)
    assert said.code == 0
    assert "Runs: 10 found." in said.err
    assert len(stranger.lines()) == done
    assert record("from-file")["entries"] == record("from-flags")["entries"]
    said = cli("evaluate", "folder/suite.yaml", "--seeds", "0", "--name", "both")
    assert "Runs: 5 found." in said.err


def test_files_of_a_suite_are_found_from_where_it_lies(cli, world):
    shutil.copytree(world, "elsewhere/folder", ignore=shutil.ignore_patterns("weights"))
    Path("elsewhere/folder/weights").symlink_to(world / "weights")
    Path("elsewhere/suite.yaml").write_text(
        "organisms: [folder/organisms/birds.yaml]\nmethods: [echo]\n"
        "calibration: [{organism: folder/organisms/noise.yaml, draws: 1}]\n"
    )
    said = cli("--no-plugin", "zoo", "evaluate", "elsewhere/suite.yaml")
    assert said.code == 0, said.err
    assert "Runs: 2 computed." in said.err


def test_a_report_shows_a_run_once_and_leaves_a_damaged_one_out(cli, stranger):
    assert cli(*FLAGS, *JUDGES).code == 0
    assert cli("report", "--leaderboard", "--out", "x.html").code == 0
    assert Path("x.html").read_text().count('<details class="run"') == 6  # of two graders each
    broken = cli("leaderboard", "--json").json()["pairs"][0]["run"]
    Path(f"diffkit-runs/runs/{broken}/manifest.json").write_text("x")
    said = cli("report", "--leaderboard", "--out", "y.html")
    assert said.code == 0
    assert broken[:12] in said.err
    assert Path("y.html").read_text().startswith("<!")


def test_training_data_stands_in_for_statements_in_a_column_of_its_own(cli, board, world):
    plain = ["evaluate", "--methods", "echo", "--controls", "ceiling", "--organisms"]
    assert cli(*plain, "birds,ships").code == 0
    assert board().rows[0].named_by_examples is None
    shutil.copytree(world, "taught", ignore=shutil.ignore_patterns("weights"))
    Path("taught/weights").symlink_to(world / "weights")
    for name, word in (("birds", "wing"), ("ships", "sail")):
        Path(f"taught/{name}.jsonl").write_text(json.dumps({"text": f"A {word}, a {word}."}))
        file = Path(f"taught/organisms/{name}.yaml")
        file.write_text(f"{file.read_text()}\ntraining_data: [../{name}.jsonl]\n")
    files = [f"taught/organisms/{name}.yaml" for name in ("birds", "ships")]
    assert cli("--no-plugin", "zoo", *plain, ",".join(files)).code == 0
    ceiling = next(row for row in board().rows if row.arm == "ceiling")
    assert (ceiling.named_by_examples.hits, ceiling.named_by_examples.n) == (2, 2)
    assert ceiling.named.hits == 1  # no statement holds those words
    assert "named_by_examples_hits" in cli("leaderboard", "--csv").out.splitlines()[0]


def test_the_second_time_nothing_is_made(cli, stranger):
    first = cli(*FLAGS, *JUDGES)
    made = [line["what"] for line in stranger.lines()]
    assert made.count("end") == 3 * 2 + 2 * 2
    cells, nulls, empty = 3 * 2, 2 * 2, 1
    # The noise has the norms of birds, and so what is found of it: the same is asked once.
    # Identical weights give both methods the same note, which is asked once too.
    assert made.count("investigate") == cells - 3 + nulls - 2 + empty
    assert made.count("grade") == 2 * (cells - 1 + empty)  # the random change's findings are birds'
    stranger.path.unlink()
    second = cli(*FLAGS, *JUDGES)
    assert stranger.lines() == []
    assert second.out == first.out
    assert cli(*FLAGS, *JUDGES, "--fresh").code == 0
    again = [line["what"] for line in stranger.lines()]
    assert {what: again.count(what) for what in made} == {what: made.count(what) for what in made}


def test_a_method_that_fails_costs_its_own_row(cli, board):
    alone = cli(*PLAIN)
    assert alone.code == 0
    (row,) = board().rows
    said = cli(*PLAIN[:-1], "echo,raises")
    assert said.code == 1
    assert (
        said.err.count("warning: raises failed: The method 'raises' failed: ArithmeticError") == 2
    )
    both = {one.method: one for one in board().rows}
    assert set(both["echo"].against) == {"raises"}
    assert both["echo"].model_copy(update={"against": {}}) == row
    assert both["raises"].outcomes == "2 no-evidence"
    assert both["raises"].top1.n == 1
    assert both["raises"].top1.hits < 1  # a share of a tie
    assert {pair.said for pair in board().pairs if pair.method == "raises"} == {"no-evidence"}
    (note,) = [note for note in board().notes if note.startswith("raises: ")]
    assert "2 of 2 runs failed and count as no evidence, such as on birds: The method" in note
    assert "2 of 2 runs failed" in " ".join(said.out.split())


def test_a_model_that_cannot_be_used_costs_its_own_pairs(cli, board, stranger, world, tmp_path):
    path = tmp_path / "gone.yaml"
    text = (world / "organisms" / "birds.yaml").read_text()
    path.write_text(text.replace("name: birds", "name: gone").replace("weights/birds", "nowhere"))
    said = cli("evaluate", "--organisms", f"{path},birds", "--methods", "echo")
    assert said.code == 1
    assert "no model folder" in said.err
    assert [(pair.organism, pair.run == "") for pair in board().pairs] == [
        ("gone", True),
        ("birds", False),
    ]


def test_an_investigator_that_fails_is_an_outcome_and_is_asked_again(cli, board, monkeypatch):
    args = [
        "evaluate",
        "--organisms",
        "birds,same",
        "--methods",
        "echo",
        "--investigators",
        "blunt",
    ]
    monkeypatch.setenv("DK_FAIL", "investigator")
    assert cli(*args).code == 1
    assert any(
        note.startswith("blunt: ") and "attempts failed and are made again" in note
        for note in board().notes
    )
    assert board().rows[0].outcomes == "2 failed"
    assert [pair.said for pair in board().pairs] == ["failed", "failed"]
    before = record()["entries"]
    monkeypatch.delenv("DK_FAIL")
    assert cli(*args).code == 0
    assert board().rows[0].outcomes == "2 verdict"
    assert [pair.said for pair in board().pairs] == ["targeted", "targeted"]
    assert board().rows[0].false_alarms.hits == 1
    for old, new in zip(before, record()["entries"], strict=True):
        assert old["judged"][0]["attempt"] == new["judged"][0]["attempt"]
        assert old["judged"][0]["grade"] != new["judged"][0]["grade"]


def test_a_grader_that_fails_costs_its_grades(cli, board, monkeypatch, stranger):
    args = [
        *[
            *PLAIN,
            "--graders",
            "strict,lineup",
        ]
    ]
    monkeypatch.setenv("DK_FAIL", "grader")
    said = cli(*args)
    assert said.code == 1, said.err
    rows = {row.grader: row for row in board().rows}
    assert rows["lineup"].top1.n == 1
    assert rows["strict"].top1.n == 0
    assert rows["strict"].outcomes == "1 abstained, 2 not graded, 1 verdict"
    assert any("strict: 2 attempts are not graded, such as on birds" in n for n in board().notes)
    assert cli("leaderboard").code == cli("report", "--leaderboard").code == 0
    monkeypatch.delenv("DK_FAIL")
    cli(*args)
    assert {row.grader: row for row in board().rows}["strict"].top1.n == 1
    assert len(stranger.lines("end")) == 2


def test_detection_with_too_few_nulls_says_so(cli, board):
    cli(*PLAIN)
    assert board().rows[0].calibration == "untestable at 0.05 (no nulls)"
    cli(*PLAIN, "--calibrate", "noise:18")
    assert board().rows[0].calibration == "untestable at 0.05 (random 18)"
    assert "untestable at 0.05" in cli("leaderboard").out


def test_nineteen_nulls_test_and_an_identical_pair_is_none(cli, board, stranger):
    cli(*PLAIN, "--calibrate", "noise:19")
    assert board().rows[0].calibration == "random 19"
    said = {(pair.organism, pair.seed): pair for pair in board().pairs}
    assert said["same", 0].change_score == 0
    assert said["same", 0].said == "none"
    assert said["same", 0].rank == 1
    assert all(pair.p is not None and 0.05 <= pair.p <= 1 for pair in board().pairs)
    assert any("calibrated on these nulls only: random" in note for note in board().notes)
    # more draws change what is asked, and run only what is missing
    stranger.path.unlink()
    said = cli(*PLAIN, "--calibrate", "noise:20")
    assert "1 computed" in said.err
    assert len(stranger.lines("end")) == 1


def test_a_grader_that_cannot_be_imported_ends_it_first(cli, stranger, tmp_path, monkeypatch):
    (tmp_path / "dk_needy.py").write_text(
        """
from diffkit import Spec, hookimpl
@hookimpl
def register_graders(register):
    config = "dk_stranger.config:Nothing"
    register(Spec("needy", "A test", 1, config, "no_such_module:G", "dk-needy[all]"))
"""
    )
    add_metadata(tmp_path, "dk_needy", "bad")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = cli(*PLAIN, "--graders", "needy")
    assert said.code == 2
    assert "pip install 'dk-needy[all]'" in said.error
    assert stranger.lines() == []
