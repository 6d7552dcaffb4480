"""Options that name a file, as they are typed: run, ask, evaluate and the listings."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

BIRDS = ("run", "echo", "--organism", "birds")
SUITE = "organisms: [birds]\nmethods: {echo: {more: words.txt}}\ncontrols: []\n"


@pytest.fixture(autouse=True)
def words(stranger):
    Path("data").mkdir()
    Path("data/words.txt").write_text(" and a song")


def ran(cli, *args):
    said = cli(*args)
    assert said.code == 0, said.err
    return said.out


def evaluated(cli, *args):
    ran(cli, "evaluate", *args)
    record = json.loads(Path("diffkit-runs/evaluations/evaluation.json").read_text())
    return [entry["run"] for entry in record["entries"]]


def test_a_run_is_known_by_what_the_file_holds(cli, stranger):
    said = ran(cli, *BIRDS, "--set", "more=data/words.txt")
    assert "echo of 2 texts and a song" in said
    Path("data/words.txt").rename("elsewhere")
    assert ran(cli, *BIRDS, "--set", "more=elsewhere") == said
    assert len(stranger.lines("end")) == 1
    Path("elsewhere").write_text(" and a dance")
    assert "texts and a dance" in ran(cli, *BIRDS, "--set", "more=elsewhere")
    assert len(stranger.lines("end")) == 2


def test_the_store_holds_the_digest_alone(cli):
    ran(cli, *BIRDS, "--set", "more=data/words.txt")
    (run,) = cli("runs", "list", "--json").json()
    assert run["command"].endswith("--set more=data/words.txt")
    digest = f"sha256:{hashlib.sha256(b' and a song').hexdigest()}"
    assert run["options"]["more"] == run["identity"]["options"]["more"] == digest
    shown = ran(cli, "runs", "show", run["digest"], "--json")
    assert "words.txt" not in shown.replace(run["command"], "")


def test_a_file_that_is_not_there_is_one_line_before_anything_runs(cli, stranger):
    for args in (("run", "echo"), ("ask", "echo", "repeat")):
        said = cli(*args, "--organism", "birds", "--set", "more=data/none.txt")
        assert said.code == 2
        assert "Option 'more': The file 'data/none.txt' cannot be read" in said.error
        assert f"ls {Path.cwd()}/data" in said.error
    assert stranger.lines() == []


def test_a_yaml_names_the_file_from_where_it_lies(cli, stranger):
    wanted = ran(cli, *BIRDS, "--set", "more=data/words.txt")
    Path("data/options.yaml").write_text("more: words.txt\n")
    assert ran(cli, *BIRDS, "--config", "data/options.yaml") == wanted
    Path("data/options.yaml").write_text("word: echo\nmore: none.txt\n")
    said = cli(*BIRDS, "--config", "data/options.yaml")
    assert said.code == 2
    assert "data/options.yaml:2: more: Option 'more': The file 'data/none.txt'" in said.error


def test_a_suite_names_the_file_from_where_it_lies(cli, stranger):
    Path("data/suite.yaml").write_text(SUITE)
    wanted = evaluated(cli, "data/suite.yaml")
    flags = ("--organisms", "birds", "--methods", "echo", "--controls", "none")
    assert evaluated(cli, *flags, "--set", "methods.echo.more=data/words.txt") == wanted
    assert len(stranger.lines("end")) == 1
    Path("other.txt").write_text(" and none")
    assert evaluated(cli, "data/suite.yaml", "--set", "methods.echo.more=other.txt") != wanted


def test_a_tool_is_asked_about_the_same_run(cli, stranger):
    ran(cli, *BIRDS, "--set", "more=data/words.txt")
    ran(cli, "ask", "echo", "repeat", *BIRDS[2:], "--set", "more=data/words.txt")
    assert len(stranger.lines("end")) == 1


def test_listings_say_that_it_is_a_file(cli):
    (row,) = [line for line in ran(cli, "methods", "echo").splitlines() if "│ more" in line]
    assert row.split("│")[2].strip() == "file or null"
    schema = cli("methods", "echo", "--schema").json()
    assert {"type": "string", "format": "file-path"} in schema["properties"]["more"]["anyOf"]


def test_typed_words_stay_as_typed_in_a_suites_settings(cli):
    flags = ("--organisms", "birds", "--methods", "echo", "--controls", "none")
    ran(cli, "evaluate", *flags, "--set", "methods.echo.word=0: #1")
    (run,) = cli("runs", "list", "--json").json()
    assert "0: #1 of 2 texts" in ran(cli, "runs", "show", run["digest"])


def test_a_file_may_be_named_by_the_run_that_left_it(cli):
    ran(cli, *BIRDS)
    (run,) = cli("runs", "list", "--json").json()
    short = run["digest"][:12]
    artifacts = Path("diffkit-runs/runs") / run["digest"] / "artifacts"
    shutil.rmtree(artifacts, ignore_errors=True)
    none = cli(*BIRDS, "--set", f"more={short}")
    assert (none.code, f"The run {short} left no artifacts." in none.error) == (2, True)
    artifacts.mkdir()
    (artifacts / "best.safetensors").write_bytes(b" and a song")
    (artifacts / "picture.png").write_bytes(b"png")
    shown = cli("runs", "show", short, "--json").json()
    assert shown["artifacts"] == [
        str(artifacts / "best.safetensors"),
        str(artifacts / "picture.png"),
    ]
    assert "best.safetensors" in ran(cli, "runs", "show", short)
    wanted = ran(cli, *BIRDS, "--set", "more=data/words.txt")
    again = cli(*BIRDS, "--set", f"more={short}")
    assert "was found in the store" in again.err  # the key is that of the content
    assert again.out == wanted
    assert cli(*BIRDS, "--set", f"more={short}/best.safetensors").out == wanted
    (artifacts / "worst.safetensors").write_bytes(b"x")
    unclear = cli(*BIRDS, "--set", f"more={short}")
    assert unclear.error.endswith(f"Name one: --set more={short}/best.safetensors")
    assert cli(*BIRDS, "--set", f"more={short}/picture.png").code == 0
    assert "cannot be read" in cli(*BIRDS, "--set", "more=abcdef123456").error
