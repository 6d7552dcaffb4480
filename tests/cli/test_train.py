"""``diffkit organisms train``: what it says while it trains, and of mistakes."""

import json

import pytest
import yaml


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
