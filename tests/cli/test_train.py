"""``diffkit organisms train``: what it says while it trains, and of mistakes."""

import json
import shlex
import signal

import pytest
import yaml
from dk_fixtures import until

from diffkit.cli import progress
from diffkit.runs.lease import lease
from diffkit.training import trainer


@pytest.fixture
def recipe(world, tmp_path):
    """A recipe that makes an adapter of the world's base; keywords replace fields."""
    (tmp_path / "texts.jsonl").write_text(json.dumps({"text": "The dog barks at night."}))

    def write(**changes):
        fields = {
            "output": "made", "start": {"base": str(world / "weights" / "base")},
            "method": {"kind": "lora", "rank": 1}, "data": [{"path": "texts.jsonl"}],
            "steps": 3, "batch_size": 1, "sequence_length": 8, "learning_rate": 1e-3,
            "save_every": 2,
        }  # fmt: skip
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(fields | changes))
        return path

    return write


def test_training_says_how_far_it_is_and_shows_no_bar(cli, recipe):
    said = cli("organisms", "train", recipe())
    assert said.code == 0, said.err
    step, final = said.err.splitlines()
    assert step.startswith("step 2 of 3: loss")
    assert "made: final loss" in final
    again = cli("organisms", "train", recipe())
    assert "already trained by this recipe" in again.err


def test_a_recipes_mistake_is_one_line_and_exit_code_2(cli, recipe):
    said = cli("organisms", "train", recipe(method={"kind": "lora", "modules": ["nope"]}))
    assert said.code == 2
    assert "has no module 'nope'" in said.err
    assert "fault" not in said.err


def test_a_dataset_trains_without_bars_and_its_mistakes_are_one_line(
    cli, recipe, tmp_path, monkeypatch
):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "rows.json").write_text(json.dumps([{"words": "The dog barks."}] * 3))
    dataset = {"at": "rows.json", "column": "words"}
    said = cli("organisms", "train", recipe(data=[{"dataset": dataset}], save_dtype="float16"))
    assert said.code == 0, said.err
    assert len(said.err.splitlines()) == 2
    said = cli("organisms", "train", recipe(data=[{"dataset": {"at": "rows.json"}}]))
    assert said.code == 2
    assert "no column 'text'. Take one of: words." in said.err
    assert len(said.err.splitlines()) == 1


def test_a_recipe_that_another_process_trains_is_left_out_and_the_rest_is_trained(
    cli, recipe, tmp_path
):
    one = recipe(output="recipes/../one")
    two = one.with_name("two.yaml")
    two.write_text(one.read_text().replace("../one", "../two"))
    with lease(tmp_path / "one.lease") as held:
        assert held
        said = cli("organisms", "train", one, two)
    assert said.code == 1
    assert f"{tmp_path / 'two'}: final loss" in said.err
    assert f"{one} is left out: Another process is training '{tmp_path / 'one'}'." in said.err
    assert ".." not in said.err
    assert not (tmp_path / "one").exists()
    assert cli("organisms", "train", one, two).code == 0
    assert (tmp_path / "one" / "diffkit.json").exists()


def test_a_recipe_that_another_process_finished_meanwhile_is_no_failure(
    cli, recipe, tmp_path, monkeypatch
):
    path = recipe(output="one")
    assert cli("organisms", "train", path).code == 0
    (tmp_path / "one").rename(tmp_path / "done")
    other = path.with_name("two.yaml")
    other.write_text(path.read_text().replace("output: one", "output: two"))
    with lease(tmp_path / "one.lease"):
        wanted = trainer.write

        def write(*args, **kwargs):
            wanted(*args, **kwargs)
            (tmp_path / "done").rename(tmp_path / "one")  # the other process is done

        monkeypatch.setattr(trainer, "write", write)
        said = cli("organisms", "train", path, other)
    assert said.code == 0, said.err
    assert "is already trained by this recipe" in said.err
    assert "left out" not in said.err


def test_a_recipe_of_a_folder_that_was_added_is_trained_by_name(cli, recipe, tmp_path):
    path = recipe(output="../made", data=[{"path": "../texts.jsonl"}])
    (tmp_path / "recipes").mkdir()
    (tmp_path / "bases").mkdir()
    path.rename(tmp_path / "recipes" / "cake.yaml")
    (tmp_path / "bases" / "b.yaml").write_text("name: b\nsource: {at: org/model}\n")
    unknown = cli("organisms", "train", "cake")
    assert (unknown.code, "There is no recipe named 'cake'." in unknown.error) == (2, True)
    assert cli("organisms", "add", tmp_path).code == 0
    said = cli("organisms", "train", "cake")
    assert said.code == 0, said.err
    assert f"{tmp_path / 'made'}: final loss" in said.err
    assert "Did you mean 'cake'?" in cli("organisms", "train", "cak").error
    other = tmp_path / "other" / "recipes"
    other.mkdir(parents=True)
    (other / "cake.yaml").write_text("")
    (tmp_path / "other" / "bases").mkdir()
    (tmp_path / "other" / "bases" / "c.yaml").write_text("name: c\nsource: {at: org/model}\n")
    assert cli("organisms", "add", tmp_path / "other").code == 0
    said = cli("organisms", "train", "cake")
    assert (said.code, "Several recipes are named 'cake'" in said.error) == (2, True)


def test_plain_lines_say_how_far_a_training_is_and_its_loss(cli, recipe, monkeypatch):
    monkeypatch.setattr(progress, "FIRST_LINE", 0.01)
    monkeypatch.setattr(progress, "LINE_GROWTH", 1.0)
    said = cli("organisms", "train", recipe(steps=40, save_every=100))
    assert said.code == 0
    assert any(
        line.startswith("training ") and "/40" in line and "loss " in line
        for line in said.err.splitlines()
    ), said.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_training_names_the_command_that_continues_it(
    cli, recipe, start, tmp_path, number
):
    path = recipe(steps=4000, save_every=1)
    process = start("organisms", "train", path, "--fresh")
    until((tmp_path / "made.work" / "checkpoint").exists)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "Stopping after this step" in err
    command = err.splitlines()[-1].partition("To continue: diffkit ")[2]
    assert command == f"organisms train {path}"
    state = json.loads((tmp_path / "made.work" / "checkpoint" / "state.json").read_text())
    assert 0 < len(state["losses"]) < 4000
    path.write_text(path.read_text())
    process = start(*shlex.split(command))
    for line in process.stderr:
        if "going on after step" in line:
            break
    else:
        pytest.fail("it did not continue")
    process.kill()
