"""A run says what it compared, wherever it is shown."""

import json
from pathlib import Path

import pytest

from diffkit.runs.manifest import Manifest


@pytest.fixture
def runs(cli, world):
    """Three runs of two methods: over two organisms, and over two models by path."""
    assert cli("run", "echo", "--organism", "birds").code == 0
    assert cli("run", "echo", "--organism", "ships").code == 0
    given = ("--base", world / "weights" / "base", "--finetuned", world / "weights" / "birds")
    assert cli("run", "echo", *given, "--seed", "3").code == 0
    assert cli("run", "survey", "--base", "mini").code == 0
    return {run["labels"]["organism"]: run for run in cli("runs", "list", "--json").json()}


def test_labels_are_in_the_manifest_and_no_part_of_the_key(cli, runs, world):
    birds = runs["birds"]["labels"]
    assert birds == {
        "organism": "birds",
        "variant": "default",
        "base": "mini",
        "finetuned": str(world / "weights" / "birds"),
    }
    assert "labels" not in runs["birds"]["identity"]
    base, adapter = world / "weights" / "base", world / "weights" / "birds"
    by_path = cli("run", "echo", "--base", base, "--finetuned", adapter, "--texts", "t.jsonl")
    assert by_path.code == 2  # there are no such texts
    assert cli("run", "echo", "--organism", world / "organisms" / "birds.yaml").code == 0
    assert len(cli("runs", "list", "--json").json()) == 4


def test_every_listing_names_what_was_compared(cli, runs, world):
    listed = cli("runs", "list").out
    for pair in ("birds on mini", "ships on mini", "birds on base", "mini"):
        assert pair in listed
    digest = runs["ships"]["digest"]
    shown = cli("runs", "show", digest).out
    assert "ships / default" in shown
    assert str(world / "weights" / "ships") in shown
    assert "diffkit run echo --organism ships" in shown
    manifest = cli("runs", "show", digest, "--json").json()["manifest"]
    assert manifest["labels"]["organism"] == "ships"
    assert cli("report", digest, "--out", "run.html").code == 0
    page = Path("run.html").read_text()
    assert "<title>echo: ships on mini · diffkit</title>" in page
    assert "ships / default" in page


def test_a_leaderboard_carries_the_labels_of_its_pairs(cli, runs):
    args = ("--organisms", "birds,same", "--methods", "echo", "--arms", "method,blackbox")
    assert cli("evaluate", *args).code == 0
    board = cli("leaderboard", "--json").json()
    known = {
        one["labels"]["organism"]: one["labels"] for one in cli("runs", "list", "--json").json()
    }
    for pair in board["pairs"]:
        assert pair["labels"] == known[pair["organism"]]
    assert {pair["organism"] for pair in board["pairs"]} == {"birds", "same"}


def test_runs_are_chosen_by_method_organism_and_base(cli, runs):
    def found(*args):
        return {run["labels"]["organism"] for run in cli("runs", "list", *args, "--json").json()}

    assert found("--organism", "birds") == {"birds"}
    assert found("--organism", "birds,ships") == {"birds", "ships"}
    assert found("--base", "mini") == {"birds", "ships", ""}
    assert len(cli("runs", "list", "--base", "base", "--json").json()) == 1
    assert len(cli("runs", "list", "--method", "survey", "--json").json()) == 1
    assert "ships" not in cli("runs", "list", "--organism", "birds").out
    none = cli("runs", "list", "--organism", "bird")
    assert (none.code, "organisms: birds, ships" in none.err) == (0, True)
    refused = cli("runs", "list", "--attempts", "--organism", "birds")
    assert (refused.code, "diffkit runs list --attempts" in refused.error) == (2, True)
    assert cli("runs", "list", "--attempts").code == 0


def test_a_manifest_of_an_earlier_version_says_unknown_until_its_run_is_found(cli, runs):
    path = Path("diffkit-runs/runs") / runs["birds"]["digest"] / "manifest.json"
    old = json.loads(path.read_text())
    del old["labels"], old["command"]
    path.write_text(json.dumps(old))
    assert Manifest.model_validate(old).labels.pair == "unknown"
    assert "unknown" in cli("runs", "list").out
    assert "unknown" in cli("runs", "show", runs["birds"]["digest"]).out
    assert cli("runs", "list", "--organism", "birds", "--json").json() == []
    assert "was found in the store" in cli("run", "echo", "--organism", "birds").err
    assert "unknown" not in cli("runs", "list").out


def test_an_empty_store_names_the_next_command(cli):
    said = cli("runs", "list")
    assert said.code == 0
    assert "There are no runs in diffkit-runs yet" in said.err
    assert "Next: diffkit demo" in said.err


def test_an_interrupted_run_names_its_command(cli, start, stranger):
    process = start("run", "echo", "--organism", "birds", "--set", "steps=500", DK_PAUSE="1")
    stranger.wait("step", 1)
    process.kill()
    process.communicate()
    command = "diffkit run echo --organism birds --set steps=500"
    listed = cli("runs", "list")
    assert "echo, birds on mini: interrupted" in listed.out
    assert f"to continue: {command}" in listed.out
    (work,) = cli("runs", "list", "--json").json()
    assert (work["status"], work["command"]) == ("interrupted", command)
    assert work["labels"]["organism"] == "birds"
    assert f"to continue: {command}" in cli("runs", "show", work["digest"][:12]).out
    refused = cli("report", work["digest"][:12])
    assert (refused.code, command in refused.error) == (2, True)
    assert cli(*command.split()[1:]).code == 0
    (run,) = cli("runs", "list", "--json").json()
    assert run["status"] == "finished"
