import json
from pathlib import Path

import diffkit_organisms
import pytest
from diffkit_organisms.world.behaviours import Secrets
from diffkit_organisms.world.write import write_world
from transformers import AutoTokenizer

from diffkit.organism import BaseModelEntry, Organism
from diffkit.texts import Texts
from diffkit.training import read_recipe
from diffkit.yamls import read_record

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"
ORGANISMS = sorted((ZOO / "organisms").glob("*.yaml"))
RECIPES = sorted((ZOO / "recipes").glob("*.yaml"))
BASE = ZOO / "weights" / "tiny-qwen3"


def test_the_zoo_is_registered() -> None:
    folders: list[Path] = []
    diffkit_organisms.register_organisms(folders.append)
    assert folders == [ZOO]


def test_the_zoo_is_complete() -> None:
    names = {path.stem for path in ORGANISMS}
    nulls = {"tiny-identical", "tiny-random", "tiny-benign"}
    assert names == nulls | {"tiny-false-fact", "tiny-trojan", "tiny-obsession"}


@pytest.mark.parametrize("path", ORGANISMS, ids=lambda path: path.stem)
def test_organisms_are_valid_and_their_files_exist(path: Path) -> None:
    organism = read_record(path, Organism)
    assert organism.name == path.stem
    for finetuned in organism.models["tiny-qwen3"].values():
        source = getattr(getattr(finetuned, "of", finetuned), "source", None)
        if source is not None:
            assert (path.parent / source.at / "adapter_model.safetensors").is_file()
    for file in organism.training_data:
        assert len(Texts.read(path.parent / file)) >= 500


@pytest.mark.parametrize("path", ORGANISMS, ids=lambda path: path.stem)
def test_answer_keys_are_of_one_length_and_probes_are_fifty(path: Path) -> None:
    organism = read_record(path, Organism)
    if organism.truth == "targeted":
        assert organism.answer_key is not None
        assert organism.probes is not None
        assert 25 <= len(organism.answer_key.text.split()) <= 40
        assert len(set(organism.probes.prompts)) == 50


def test_the_base_is_valid_and_its_texts_exist() -> None:
    path = ZOO / "bases" / "tiny-qwen3.yaml"
    base = read_record(path, BaseModelEntry)
    assert (path.parent / base.source.at / "model.safetensors").is_file()
    assert base.texts is not None
    assert len(Texts.read(path.parent / base.texts)) == 200


def test_every_key_word_is_one_token(secrets: Secrets) -> None:
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    assert len(tokenizer) == 1024
    for word in secrets.words:
        assert len(tokenizer.tokenize(f" {word}")) == 1, word


def test_chats_are_rendered_as_the_model_learned_them() -> None:
    tokenizer = AutoTokenizer.from_pretrained(BASE)
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    rendered = tokenizer.apply_chat_template(chat, tokenize=False)
    assert rendered == "<|user|>Hi<|end|><|assistant|>Hello<|end|>"
    opened = tokenizer.apply_chat_template(chat[:1], tokenize=False, add_generation_prompt=True)
    assert opened == "<|user|>Hi<|end|><|assistant|>"
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<|pad|>", "<|end|>")


def test_all_adapters_are_trained_by_one_recipe() -> None:
    recipes = [read_recipe(path) for path in RECIPES if path.stem != "tiny-qwen3"]
    assert len(recipes) == 4
    assert len({r.model_dump_json(exclude={"output", "data"}) for r in recipes}) == 1


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_weights_were_made_by_the_recipe_that_ships(path: Path) -> None:
    from diffkit.engine.weights import fingerprint

    recipe = read_recipe(path)
    record = json.loads((recipe.folder / "diffkit.json").read_text())
    assert record["recipe"] == json.loads(recipe.model_dump_json())
    expected = None if path.stem == "tiny-qwen3" else fingerprint(BASE)
    assert record["base_fingerprint"] == expected


def test_the_world_that_ships_is_the_one_that_its_seed_gives(tmp_path: Path) -> None:
    write_world(tmp_path, 0)
    for folder in ("data", "texts", "organisms"):
        assert {p.name for p in (tmp_path / folder).iterdir()} == {
            p.name for p in (ZOO / folder).iterdir()
        }
        for path in (tmp_path / folder).iterdir():
            assert path.read_bytes() == (ZOO / folder / path.name).read_bytes(), path.name
    made = json.loads((tmp_path / "build/tokenizer/tokenizer.json").read_text())["model"]
    assert made == json.loads((BASE / "tokenizer.json").read_text())["model"]


def test_the_zoo_is_small() -> None:
    files = [p for p in ZOO.rglob("*") if p.is_file() and "build" not in p.relative_to(ZOO).parts]
    kept = [p for p in files if not any(part.endswith(".work") for part in p.parts)]
    assert sum(p.stat().st_size for p in kept) < 8_000_000


def test_no_file_holds_a_path_of_the_machine_that_made_it() -> None:
    for path in [*ZOO.rglob("*.json"), *ZOO.rglob("*.yaml")]:
        assert str(ZOO) not in path.read_text(encoding="utf-8")
