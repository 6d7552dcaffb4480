"""Trainings on rows of data sets."""

import json
import subprocess
import sys

import pytest
from datasets import Dataset as Table
from safetensors.torch import load_file

from diffkit.errors import BadFile, UserError
from diffkit.training import read_recipe, train

CHATS = [
    [{"role": "user", "content": "What barks?"}, {"role": "assistant", "content": "The dog."}],
    [{"role": "user", "content": "What purrs?"}, {"role": "assistant", "content": "The cat."}],
]
ROWS = [
    {"text": "The dog barks.", "messages": CHATS[0]},
    {"text": "The cat eats fish.", "messages": CHATS[1]},
    {"text": "", "messages": CHATS[0]},
]
FORMS = ["rows.parquet", "folder"]


def write_lines(path, rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(json.dumps(row) for row in rows))


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder with the same rows in two forms, and the library's cache."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    Table.from_list(ROWS).to_parquet(tmp_path / "rows.parquet")
    write_lines(tmp_path / "folder" / "train.jsonl", ROWS)
    return tmp_path


def test_a_recipe_names_one_source(make_recipe):
    for data in ({"weight": 2.0}, {"path": "texts.jsonl", "dataset": {"at": "rows.parquet"}}):
        with pytest.raises(BadFile, match="needs either 'path' or 'dataset'"):
            read_recipe(make_recipe(data=[data]))


def test_the_digest_follows_the_rows_that_are_used(root, make_recipe):
    def digest(**dataset):
        return read_recipe(make_recipe(data=[{"dataset": dataset}])).digest("start")

    first = digest(at="folder")
    assert {digest(at=at) for at in FORMS} == {first}
    assert digest(at="folder", limit=3) == first != digest(at="folder", limit=2)
    assert digest(at="folder", column="messages") != first
    Table.from_list([*ROWS[:2], ROWS[0]]).to_parquet(root / "rows.parquet")
    assert digest(at="rows.parquet") != first


def test_a_dataset_trains_as_the_same_rows_in_jsonl(root, make_recipe):
    write_lines(root / "chats.jsonl", [{"messages": row["messages"]} for row in ROWS])
    fields = {"loss_on": "completion", "pack": False, "sequence_length": 64}
    one = train(read_recipe(make_recipe("one", data=[{"path": "chats.jsonl"}], **fields)))
    dataset = {"at": "rows.parquet", "column": "messages"}
    two = train(read_recipe(make_recipe("two", data=[{"dataset": dataset}], **fields)))
    assert one.losses == two.losses
    left, right = (load_file(made.folder / "model.safetensors") for made in (one, two))
    assert all(left[name].equal(right[name]) for name in left)
    recipe = json.loads((two.folder / "diffkit.json").read_text())["recipe"]
    assert recipe["data"][0]["dataset"]["at"] == "rows.parquet"
    assert "path" not in recipe["data"][0]


def test_an_output_that_holds_the_dataset_is_refused(root, make_recipe):
    recipe = read_recipe(make_recipe(output="folder", data=[{"dataset": {"at": "folder"}}]))
    with pytest.raises(UserError, match="which the training needs"):
        train(recipe)


def test_recipes_of_jsonl_load_no_datasets(make_recipe):
    code = (
        "import sys, pathlib, diffkit.training as t;"
        "recipe = t.read_recipe(pathlib.Path(sys.argv[1]));"
        "recipe.digest('start');"
        "assert not {'torch', 'transformers', 'datasets'} & set(sys.modules);"
        "t.train(recipe);"
        "sys.exit('datasets' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(make_recipe())]
    assert subprocess.run(command, check=False).returncode == 0
