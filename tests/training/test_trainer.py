import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from diffkit.errors import Busy, RunFailed, UserError
from diffkit.training import read_recipe, train

T = TypeVar("T")
LORA = {"kind": "lora", "rank": 2, "alpha": 4, "dropout": 0.2}


class Interrupted(Exception):
    pass


def interrupt_after(count: int):
    """A progress that stops the training as a killed process would, after ``count`` steps."""

    def progress(
        items: Iterable[T], *, label: str, total: int | None = None, done: int = 0
    ) -> Iterator[T]:
        del label, total
        for index, item in enumerate(items, done):
            if index == count:
                raise Interrupted
            yield item

    return progress


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(next(folder.glob("*.safetensors")))


def assert_identical(one: Path, two: Path) -> None:
    left, right = weights(one), weights(two)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[key], right[key]) for key in left)


def test_a_resumed_training_is_bit_identical(make_recipe) -> None:
    whole = train(read_recipe(make_recipe("whole")))
    recipe = read_recipe(make_recipe("parts"))
    for stop in (3, 5):
        with pytest.raises(Interrupted):
            train(recipe, progress=interrupt_after(stop))
        assert not recipe.folder.exists()
    parts = train(recipe)
    assert_identical(whole.folder, parts.folder)
    assert parts.losses == whole.losses
    assert not list(recipe.folder.parent.glob("*.work"))


def test_an_adapter_resumes_bit_identically_with_dropout(make_recipe, tmp_path: Path) -> None:
    base = train(read_recipe(make_recipe("base"))).folder
    fields = {"start": {"base": "out/base"}, "method": LORA, "pack": False, "loss_on": "completion"}
    whole = train(read_recipe(make_recipe("whole", **fields)))
    recipe = read_recipe(make_recipe("parts", **fields))
    with pytest.raises(Interrupted):
        train(recipe, progress=interrupt_after(5))
    parts = train(recipe)
    assert_identical(whole.folder, parts.folder)
    config = (parts.folder / "adapter_config.json").read_text()
    assert json.loads(config)["base_model_name_or_path"] == "base"
    assert str(tmp_path) not in config + (parts.folder / "diffkit.json").read_text()
    network = AutoModelForCausalLM.from_pretrained(base)
    PeftModel.from_pretrained(network, parts.folder)


def test_the_loss_falls_and_the_record_says_how_it_was_made(make_recipe) -> None:
    trained = train(read_recipe(make_recipe(steps=25)))
    assert trained.losses[-1] < 0.5 * trained.losses[0]
    record = json.loads((trained.folder / "diffkit.json").read_text())
    assert record["steps"] == 25
    assert record["base_fingerprint"] is None
    assert record["recipe"]["seed"] == 3
    assert len(record["losses"]) == 25


def test_a_finished_training_is_not_done_again(make_recipe, caplog) -> None:
    recipe = read_recipe(make_recipe())
    first = train(recipe)
    before = (first.folder / "diffkit.json").stat().st_mtime_ns
    with caplog.at_level(logging.INFO, "diffkit.training"):
        second = train(recipe)
    assert "already trained" in caplog.text
    assert second.seconds == 0
    assert second.folder.joinpath("diffkit.json").stat().st_mtime_ns == before


def test_another_training_is_not_overwritten_unless_told(make_recipe) -> None:
    first = train(read_recipe(make_recipe()))
    other = read_recipe(make_recipe(seed=4))
    with pytest.raises(UserError, match="--fresh"):
        train(other)
    replaced = train(other, fresh=True)
    assert replaced.folder == first.folder
    assert not list(first.folder.parent.glob("*.work"))


@pytest.mark.parametrize("fresh", [False, True])
def test_a_foreign_folder_is_not_overwritten(make_recipe, fresh: bool) -> None:
    recipe = read_recipe(make_recipe())
    recipe.folder.mkdir(parents=True)
    thesis = recipe.folder / "thesis.txt"
    thesis.write_text("years of work")
    with pytest.raises(UserError, match="not trained by diffkit") as caught:
        train(recipe, fresh=fresh)
    assert "--fresh" not in str(caught.value)
    assert thesis.exists()


def test_a_foreign_file_is_not_overwritten(make_recipe) -> None:
    recipe = read_recipe(make_recipe(output="thesis.txt"))
    recipe.folder.write_text("years of work")
    with pytest.raises(UserError, match="not trained by diffkit"):
        train(recipe, fresh=True)
    assert recipe.folder.read_text() == "years of work"


def test_a_foreign_folder_that_appears_meanwhile_is_not_overwritten(make_recipe) -> None:
    recipe = read_recipe(make_recipe())

    def progress(items: Iterable[T], **_: object) -> Iterator[T]:
        yield from items
        recipe.folder.mkdir(parents=True)
        (recipe.folder / "thesis.txt").write_text("years of work")

    with pytest.raises(UserError, match="not trained by diffkit"):
        train(recipe, progress=progress, fresh=True)
    assert (recipe.folder / "thesis.txt").exists()


def test_foreign_files_in_the_work_folder_are_kept(make_recipe) -> None:
    recipe = read_recipe(make_recipe())
    work = recipe.folder.with_name("made.work")
    work.mkdir(parents=True)
    (work / "thesis.txt").write_text("years of work")
    train(recipe, fresh=True)
    assert [path.name for path in work.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_is_free(make_recipe) -> None:
    recipe = read_recipe(make_recipe())
    recipe.folder.mkdir(parents=True)
    assert (train(recipe).folder / "diffkit.json").exists()


@pytest.mark.parametrize("output", [".", "..", "texts.jsonl", "data", "out", "out/base"])
def test_an_output_that_holds_what_the_training_needs_is_refused(
    make_recipe, tmp_path: Path, output: str
) -> None:
    base = train(read_recipe(make_recipe("base"))).folder
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "more.jsonl").write_text('{"text": "The dog barks."}')
    for folder in (tmp_path, tmp_path / "data", tmp_path / "out"):
        (folder / "diffkit.json").write_text("{}")  # not even where it looks like a training
    recipe = read_recipe(
        make_recipe(
            output=output,
            start={"base": "out/base"},
            method=LORA,
            data=[{"path": "texts.jsonl"}, {"path": "data/more.jsonl"}],
        )
    )
    for fresh in (False, True):
        with pytest.raises(UserError, match="which the training needs"):
            train(recipe, fresh=fresh)
    assert (base / "model.safetensors").exists()
    assert (tmp_path / "texts.jsonl").exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_two_processes_do_not_train_one_output_at_once(make_recipe, fresh: bool) -> None:
    recipe = read_recipe(make_recipe())
    refused = []

    def progress(items: Iterable[T], **_: object) -> Iterator[T]:
        for index, item in enumerate(items):
            if index == 3:
                with pytest.raises(Busy, match="Another process is training"):
                    train(recipe, fresh=fresh)
                refused.append(index)
            yield item

    trained = train(recipe, progress=progress)
    assert refused == [3]
    assert_identical(trained.folder, train(read_recipe(make_recipe("alone"))).folder)
    assert sorted(path.name for path in recipe.folder.parent.iterdir()) == ["alone", "made"]


def test_an_interrupted_training_of_another_recipe_is_thrown_away(make_recipe) -> None:
    with pytest.raises(Interrupted):
        train(read_recipe(make_recipe()), progress=interrupt_after(3))
    other = train(read_recipe(make_recipe(seed=4)))
    clean = train(read_recipe(make_recipe("clean", seed=4)))
    assert_identical(other.folder, clean.folder)


def test_an_exploding_loss_is_a_failure_with_a_cure(make_recipe) -> None:
    recipe = read_recipe(make_recipe(learning_rate=1e30))
    with pytest.raises(RunFailed, match="learning_rate"):
        train(recipe)


def test_texts_cut_before_what_counts_are_named(make_recipe) -> None:
    turns = [
        {"role": "user", "content": "What does the cat eat?"},
        {"role": "assistant", "content": "The cat eats fish."},
    ]
    cut = {"loss_on": "completion", "pack": False, "sequence_length": 3}
    recipe = read_recipe(make_recipe(data=[{"path": "chats.jsonl"}], **cut))
    (recipe.root / "chats.jsonl").write_text(json.dumps({"messages": turns}))
    with pytest.raises(UserError, match="No token of step 1 counts") as caught:
        train(recipe)
    assert caught.value.hint == "Raise sequence_length, or use loss_on: all."


def test_texts_of_one_token_are_named(make_recipe) -> None:
    recipe = read_recipe(make_recipe(data=[{"path": "empty.jsonl"}], pack=False))
    (recipe.root / "empty.jsonl").write_text(json.dumps({"text": ""}))
    with pytest.raises(UserError, match=r"No token of step 1 counts.*pack: true"):
        train(recipe)


@pytest.mark.parametrize("content", ["{", "[]", "null", "\xff"])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_damaged_record_is_named(make_recipe, content: str, fresh: bool) -> None:
    recipe = read_recipe(make_recipe())
    recipe.folder.mkdir(parents=True)
    (recipe.folder / "diffkit.json").write_text(content, encoding="latin-1")
    if fresh:
        train(recipe, fresh=True)
    else:
        with pytest.raises(UserError, match=r"diffkit\.json.*--fresh"):
            train(recipe)


def test_a_record_without_losses_is_named(make_recipe) -> None:
    recipe = read_recipe(make_recipe())
    record = train(recipe).folder / "diffkit.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"losses": []}))
    with pytest.raises(UserError, match="losses"):
        train(recipe)


def test_training_leaves_the_callers_random_state_alone(make_recipe) -> None:
    before = torch.get_rng_state()
    train(read_recipe(make_recipe()))
    assert torch.equal(before, torch.get_rng_state())
