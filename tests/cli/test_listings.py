"""What the program lists, in words and in JSON."""

import csv
import io
import re
from pathlib import Path

import pytest
from dk_fixtures import add_metadata

from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.findings import Findings
from diffkit.organism import Organism
from diffkit.runs.manifest import Manifest

EVALUATE = ("evaluate", "--organisms", "birds,same", "--methods", "echo")


def test_plugins_say_what_they_register(cli):
    found = {plugin["name"]: plugin for plugin in cli("plugins", "--json").json()}
    assert found["stranger"] == {
        "name": "stranger",
        "module": "dk_stranger",
        "distribution": "dk-stranger",
        "hooks": [
            "register_graders",
            "register_investigators",
            "register_methods",
            "register_organisms",
        ],
        "registers": {
            "methods": ["echo", "raises"],
            "studies": ["survey"],
            "investigators": ["blunt"],
            "graders": ["strict"],
        },
        "error": None,
    }
    words = (
        "methods: echo, raises; studies: survey; investigators: blunt; graders: strict; organisms"
    )
    assert words in cli("plugins").out


def test_a_plugin_can_be_left_out(cli, monkeypatch):
    assert "echo" not in cli("--no-plugin", "stranger", "methods").out
    assert "echo" not in cli("methods", "--no-plugin", "stranger").out
    monkeypatch.setenv("DIFFKIT_DISABLE_PLUGINS", "stranger,not-installed")
    assert "echo" not in cli("methods").out


def test_methods(cli):
    found = {method["name"]: method for method in cli("methods", "--json").json()}
    assert found["echo"] == {
        "name": "echo",
        "version": 1,
        "plugin": "stranger",
        "subject": "pair",
        "summary": "Test echo",
    }
    assert "kl" in found
    assert found["survey"]["subject"] == "model"
    shown = cli("methods").out
    assert all(name in shown for name in found)
    assert re.search(r"survey.*stranger.*model.*Test survey", shown)


def test_options_of_a_method(cli):
    about = cli("methods", "echo", "--json").json()
    assert (about["name"], about["subject"], about["summary"]) == ("echo", "pair", "Test echo")
    options = {option["name"]: option for option in about["options"]}
    assert options["steps"] == {
        "name": "steps",
        "type": "integer",
        "bounds": {"≥": 1, "≤": 1000},
        "default": 1,
        "required": False,
        "execution": False,
        "help": "Draws to sum, each a step.",
    }
    assert options["batch_size"]["execution"]
    shown = cli("methods", "echo").out
    assert re.search(r"steps.*integer.*≥ 1, ≤ 1000.*1.*Draws to sum, each a step\.", shown)
    assert re.search(r"every.*integer or null.*≥ 1.*Steps between", shown)
    assert "Plays no part. Never changes the result." in shown
    assert "diffkit run echo … --set steps=…" in shown
    assert "It has no options." in cli("methods", "raises").out


@pytest.mark.parametrize("method", ["echo", "kl", "raises"])
def test_the_schema_of_a_method_is_a_json_schema(cli, method):
    schema = cli("methods", method, "--schema").json()
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    kinds = {"string", "number", "integer", "boolean", "object", "array", "null"}
    for field in schema["properties"].values():
        assert field["description"]
        assert "default" in field
        for one in field.get("anyOf", [field]):
            assert one["type"] in kinds
    options = cli("methods", method, "--json").json()["options"]
    names = [option["name"] for option in options]
    assert list(schema["properties"]) == names


def test_organisms(cli, world):
    found = {one["name"]: one for one in cli("organisms", "list", "--json").json()}
    assert found["birds"] == {
        "name": "birds",
        "family": "test",
        "truth": "targeted",
        "models": {"mini": ["default"]},
        "from": "plugin stranger",
        "summary": "",
    }
    assert {"birds", "ships", "same", "noise"} <= set(found)
    listed = cli("organisms", "list").out
    assert all(name in listed for name in found)
    shown = cli("organisms", "show", "birds")
    assert "It sings of birds." in shown.out
    assert f"mini / default: adapter {world / 'weights' / 'birds'}" in shown.out
    Organism.model_validate_json(cli("organisms", "show", "birds", "--json").out)


def test_runs_and_leaderboard(cli):
    assert cli(*EVALUATE).code == 0
    listed = cli("runs", "list", "--json").json()
    assert {run.pop("status") for run in listed} == {"finished"}
    runs = [Manifest.model_validate(run) for run in listed]
    assert sorted(run.change_score == 0 for run in runs) == [False, True]
    table = cli("runs", "list").out
    assert all(run.digest[:12] in table for run in runs)
    shown = cli("runs", "show", runs[0].digest[:12], "--json").json()
    assert Manifest.model_validate(shown["manifest"]) == runs[0]
    assert Findings.model_validate(shown["findings"]).change_score == runs[0].change_score
    assert "echo of 2 texts" in cli("runs", "show", runs[0].digest[:12]).out

    board = Leaderboard.model_validate_json(cli("leaderboard", "--json").out)
    assert [row.method for row in board.methods()] == ["echo"]
    line, *_ = csv.DictReader(io.StringIO(cli("leaderboard", "--csv").out))
    assert (line["method"], line["top1_n"]) == ("echo", "1")
    assert float(line["top1_low"]) == board.rows[0].top1.low
    assert "echo" in cli("leaderboard").out
    assert (
        "'evaluatoin'. Did you mean 'evaluation'?"
        in cli("leaderboard", "--name", "evaluatoin").error
    )

    removed = cli("runs", "rm", *[run.digest for run in runs])
    assert removed.code == 0
    assert cli("runs", "list", "--json").json() == []
    board = Leaderboard.model_validate_json(cli("leaderboard", "--json").out)
    assert [pair.change_score for pair in board.pairs] == [None, None]
    assert any(note.startswith("2 runs were removed since") for note in board.notes)
    assert cli("report", "--leaderboard", "--out", "x.html").code == 0
    assert Path("x.html").read_text().startswith("<!")


def test_doctor(cli):
    checks = {check["what"]: check for check in cli("doctor", "--json").json()}
    assert checks["torch"]["ok"]
    assert checks["plugin stranger"]["ok"]
    assert checks["store"]["found"] == "diffkit-runs: 0 finished runs"
    assert cli("doctor").code == 0
    Path("file").write_text("")
    said = cli("doctor", "--store", "file")
    assert said.code == 1
    assert "is not a folder" in said.out


def test_doctor_finds_a_broken_plugin(cli, tmp_path, monkeypatch):
    add_metadata(tmp_path, "dk_absent", "bad")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = cli("doctor", "--json")
    assert said.code == 1
    assert any("dk_absent" in check["found"] for check in said.json() if not check["ok"])
    listed = cli("plugins", "--json")
    assert "warning: The plugin 'bad' is broken and left out: ModuleNotFound" in listed.err
    assert [one["error"] for one in listed.json() if one["name"] == "bad"]
    warning = "warning: The plugin 'bad' is broken"
    ran = cli("run", "echo", "--organism", "same")
    assert (ran.code, warning in ran.err) == (0, False)
    assert warning in cli("methods").err
    assert warning in cli("run", "bad-method", "--organism", "same").err


def test_doctor_finds_a_clash_of_names(cli, tmp_path, monkeypatch):
    module = (
        "import diffkit\n@diffkit.hookimpl\ndef register_methods(register):\n"
        "    register(diffkit.Spec('echo', 'Another', 1, 'dk_clash:C', 'dk_clash:M'))\n"
    )
    (tmp_path / "dk_clash.py").write_text(module)
    add_metadata(tmp_path, "dk_clash", "clash")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = cli("doctor", "--json")
    (found,) = (check for check in said.json() if check["what"] == "name clash")
    assert (said.code, found["ok"]) == (1, False)
    assert "'clash' and 'stranger' both register a method named 'echo'" in found["found"]


def test_an_evaluation_that_cannot_test_says_how_to_calibrate(cli):
    said = cli(*EVALUATE)
    assert "untestable" in said.out
    assert "diffkit evaluate … --calibrate NULL:DRAWS" in said.out
    assert cli("report", "--leaderboard", "--out", "board.html").code == 0
    assert "--calibrate NULL:DRAWS" in Path("board.html").read_text()
