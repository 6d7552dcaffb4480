"""A user's own organisms and bases: added, listed, used by name, and removed."""

import json
import shlex
import shutil
from pathlib import Path

import pytest
from dk_fixtures import write_organism

SINGS = "answer_key: {statement: It sings.}"


@pytest.fixture
def own(world, tmp_path):
    """A folder of a user's own: the base ``own`` and the organism ``robins`` on it."""
    folder = tmp_path / "mine"
    for name in ("bases", "organisms", "weights"):
        (folder / name).mkdir(parents=True)
    for name in ("base", "birds"):
        shutil.copytree(world / "weights" / name, folder / "weights" / name)
    (folder / "bases" / "own.yaml").write_text("name: own\nsource: {at: ../weights/base}\n")
    adapter = "{kind: adapter, source: {at: ../weights/birds}}"
    path = write_organism(folder, "robins", "targeted", adapter, SINGS)
    path.write_text(path.read_text().replace("mini:", "own:"))
    return folder


def listed(cli, *flags):
    return {one["name"]: one for one in cli("organisms", "list", *flags, "--json").json()}


def test_a_folder_is_added_used_by_name_and_removed(cli, own, tmp_path):
    assert cli("organisms", "show", "robins").code == 2
    added = cli("organisms", "add", "mine")
    assert (added.code, added.out) == (0, "")
    assert f"Added {own}: robins, own (base model)." in added.err
    assert "Next: diffkit organisms check robins" in added.err
    assert listed(cli)["robins"]["from"] == str(own)
    assert listed(cli)["birds"]["from"] == "plugin stranger"
    assert listed(cli, "--bases")["own"]["source"] == str(own / "weights" / "base")
    assert "│ mine " in cli("organisms", "list").out
    assert cli("organisms", "check", "robins").code == 0
    assert cli("run", "echo", "--organism", "robins").code == 0
    assert cli("run", "survey", "--base", "own").code == 0
    evaluate = ("evaluate", "--methods", "echo", "--controls", "none", "--organisms")
    assert cli(*evaluate, "robins,birds").code == 0
    (tmp_path / "suite.yaml").write_text("organisms: [robins]\nmethods: [echo]\ncontrols: none\n")
    assert cli("evaluate", "suite.yaml").code == 0
    labels = [run["labels"] for run in cli("runs", "list", "--json").json()]
    assert {one["base"] for one in labels if one["organism"] == "robins"} == {"own"}
    assert cli("organisms", "add", own).code == 0  # once more is no clash, and no second entry
    assert cli("organisms", "remove", "mine").code == 0
    assert "robins" not in listed(cli)
    again = cli("organisms", "remove", "mine")
    assert again.code == 2
    assert "is not among the places of your organisms. They are: none." in again.error


def test_single_files_and_the_variable(cli, own, monkeypatch, tmp_path):
    assert cli("organisms", "add", own / "organisms" / "robins.yaml").code == 0
    assert cli("run", "echo", "--organism", "robins").code == 0  # on the base beside it
    assert "own" not in listed(cli, "--bases")
    assert cli("organisms", "add", own / "bases" / "own.yaml").code == 0
    assert "own" in listed(cli, "--bases")
    for file in ("organisms/robins.yaml", "bases/own.yaml"):
        assert cli("organisms", "remove", own / file).code == 0
    assert "robins" not in listed(cli)
    monkeypatch.setenv("DIFFKIT_ORGANISMS", f"{own}:{tmp_path / 'gone'}")
    said = cli("organisms", "list", "--json")
    assert "robins" in {one["name"] for one in said.json()}
    assert f"DIFFKIT_ORGANISMS names {tmp_path / 'gone'}, and there is nothing." in said.err
    assert "Change the variable." in cli("organisms", "remove", own).error


def test_a_name_that_is_taken_is_refused_with_the_next_step(cli, own, world):
    file = write_organism(own, "birds", "none", "{kind: identical}")
    said = cli("organisms", "add", own)
    assert said.code == 2
    assert f"{file}: 'birds' is the name of another organism" in said.error
    assert said.error.endswith("Nothing was added. Give yours another name in its YAML.")
    assert "robins" not in listed(cli)
    file.unlink()
    assert cli("organisms", "add", own).code == 0
    other = own.parent / "other"
    shutil.copytree(own, other)
    said = cli("organisms", "add", other)
    assert said.code == 2
    assert said.error.endswith(f"or: diffkit organisms remove {own}")
    assert cli(*shlex.split(said.error.rpartition("or: diffkit ")[2])).code == 0
    assert cli("organisms", "add", other).code == 0
    assert listed(cli)["robins"]["from"] == str(other)


def test_what_cannot_be_added_is_one_line(cli, own, tmp_path):
    (tmp_path / "empty").mkdir()
    for place, words in (
        (tmp_path / "nothing", "There is nothing at"),
        (tmp_path / "empty", "holds no organisms and no base models. Put organisms into"),
        (own / "organisms", f"Add the folder above: diffkit organisms add {own}"),
    ):
        said = cli("organisms", "add", place)
        assert (said.code, words in said.error) == (2, True), said.error
    (own / "organisms" / "broken.yaml").write_text("name: broken\n")
    said = cli("organisms", "add", own)
    assert (said.code, "broken.yaml" in said.error, "Nothing was added." in said.error) == (
        2,
        True,
        True,
    )
    assert "robins" not in listed(cli)


def test_a_place_that_is_gone_is_named_with_the_command_that_forgets_it(cli, own):
    assert cli("organisms", "add", own).code == 0
    shutil.rmtree(own)
    said = cli("organisms", "list")
    assert f"diffkit organisms remove {own}" in said.err
    assert cli("organisms", "remove", own).code == 0
    assert "gone" not in cli("organisms", "list").err


def test_an_organism_whose_base_is_not_known_is_added_with_a_warning(cli, own):
    (own / "bases" / "own.yaml").unlink()
    said = cli("organisms", "add", own)
    assert said.code == 0
    assert "its base model 'own' is not known" in said.err


@pytest.fixture
def duet(world, own, cli):
    """The organism ``duet`` on the bases ``own`` and ``mini``."""
    adapter = "{kind: adapter, source: {at: ../weights/birds}}"
    path = write_organism(own, "duet", "targeted", adapter, SINGS)
    line = "models: {own: {default: ADAPTER}, mini: {default: ADAPTER}}\n".replace(
        "ADAPTER", adapter
    )
    path.write_text(path.read_text().partition("models:")[0] + line)
    assert cli("organisms", "add", own).code == 0
    return own


def test_evaluate_asks_for_the_base_with_the_command_to_type(cli, duet):
    said = cli("evaluate", "--organisms", "duet", "--methods", "echo", "--controls", "none")
    assert said.code == 2
    assert "'duet' is on several base models: own, mini." in said.error
    command = said.error.rpartition("Try: diffkit ")[2]
    assert command.endswith("--base own")
    assert cli(*shlex.split(command)).code == 0
    flags = ("--organisms", "duet,birds", "--methods", "echo", "--controls", "none")
    refused = cli("evaluate", *flags, "--base", "own")
    assert "There is no base model of 'birds' named 'own'." in refused.error
    assert cli("evaluate", *flags, "--base", "all").code == 0
    record = json.loads(Path("diffkit-runs/evaluations/evaluation.json").read_text())
    found = {(one["organism"], one["base"]) for one in record["entries"]}
    assert found == {("duet", "own"), ("duet", "mini"), ("birds", "mini")}


def test_a_run_names_the_bases_that_it_leaves_out(cli, duet):
    said = cli("run", "echo", "--organism", "duet")
    assert "duet on own; it is also on mini: --base NAME" in said.err
    assert "also on" not in cli("run", "echo", "--organism", "duet", "--base", "mini").err


def test_check_takes_a_base(cli, duet):
    def checked(*args):
        return [(one["organism"], one["base"]) for one in cli("organisms", "check", *args).json()]

    assert checked("duet", "--json") == [("duet", "own"), ("duet", "mini")]
    assert checked("duet", "--base", "mini", "--json") == [("duet", "mini")]
    assert checked("--base", "own", "--json") == [("duet", "own"), ("robins", "own")]
    refused = cli("organisms", "check", "birds", "--base", "own")
    assert "There is no base model of 'birds' named 'own'." in refused.error
    assert (
        "no base model named 'owm'. Did you mean 'own'?"
        in cli("organisms", "check", "--base", "owm").error
    )


def test_a_base_is_named_by_its_entry_s_file(cli, own, world):
    entry = own / "bases" / "own.yaml"
    adapter = own / "weights" / "birds"
    assert cli("run", "echo", "--base", entry, "--finetuned", adapter).code == 0
    assert cli("run", "survey", "--base", entry).code == 0
    labels = [run["labels"]["base"] for run in cli("runs", "list", "--json").json()]
    assert labels == ["own", "own"]
    assert (
        cli("run", "echo", "--organism", own / "organisms" / "robins.yaml", "--base", entry).code
        == 0
    )
    broken = own / "bases" / "broken.yaml"
    broken.write_text("name: broken\nsource: {}\n")
    assert "broken.yaml:2: source.at" in cli("run", "survey", "--base", broken).error
    assert "none.yaml: cannot be read" in cli("run", "survey", "--base", "none.yaml").error


def test_an_organism_s_file_in_place_of_a_model_gets_the_command(cli, duet):
    duet_file, entry = duet / "organisms" / "duet.yaml", duet / "bases" / "own.yaml"
    for typed in (
        ("--base", entry, "--finetuned", duet_file),
        ("--base", duet_file, "--finetuned", "x"),
        ("--base", "mini", "--finetuned", "duet"),
    ):
        said = cli("run", "echo", *typed)
        assert said.code == 2
        assert "is an organism, not a model. Try: diffkit run echo --organism" in said.error
        assert cli(*shlex.split(said.error.rpartition("Try: diffkit ")[2])).code == 0
    said = cli("run", "echo", "--base", "mini", "--finetuned", entry)
    assert "is the entry of a base model. Try: diffkit run echo --base mini" in said.error
    assert cli(*shlex.split(said.error.rpartition("Try: diffkit ")[2])).code == 0
