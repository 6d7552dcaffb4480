"""The zoo that ships: complete, small, made by its recipes, and as loud as it should be."""

import json
from pathlib import Path
from statistics import median

import diffkit_organisms
import pytest
from diffkit_organisms.world.files import write_world
from diffkit_organisms.world.trainings import BASES
from transformers import AutoTokenizer

from diffkit import NetworkCache, load_pair, mean_kl
from diffkit.engine.loading.model_files import fingerprint
from diffkit.evaluation.expression import (
    generate_answers,
    measure_expression,
    measure_retention,
    read_retention_questions,
    with_variant_threshold,
)
from diffkit.organism import sources
from diffkit.registry.catalogue import read_catalogue
from diffkit.texts import Texts
from diffkit.training import read_recipe

from .reading import ZOO

RECIPES = sorted((ZOO / "recipes").glob("*.yaml"))
NULLS = {"tiny-identical", "tiny-seeds"} | {
    f"tiny-{kind}"
    for kind in (
        "random", "random-calibration", "random-test", "random-loud-calibration",
        "random-loud-test", "benign-calibration", "benign-test",
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def zoo():
    return read_catalogue([ZOO])


def test_the_zoo_is_registered() -> None:
    folders = []
    diffkit_organisms.register_organisms(folders.append)
    assert folders == [ZOO]


def test_the_zoo_is_complete_and_all_of_it_can_be_read(zoo) -> None:
    assert zoo.broken == ()
    assert set(zoo.bases) == set(BASES)
    nulls = {name for name, one in zoo.organisms.items() if one.truth != "targeted"}
    assert nulls == NULLS
    assert len(zoo.organisms) == len(NULLS) + 22


def test_all_weights_and_training_data_exist(zoo) -> None:

    for one in zoo.organisms.values():
        places = [s.at for v in one.models.values() for f in v.values() for s in sources(f)]
        for place in map(Path, places):
            names = ("adapter_model.safetensors", "model.safetensors")
            assert any((place / name).is_file() for name in names), place
        assert [file for file in one.training_data if not file.is_file()] == []
        assert bool(one.training_data) == (one.truth == "targeted")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_weights_were_made_by_the_recipe_that_ships(path) -> None:
    recipe = read_recipe(path)
    record = json.loads((recipe.folder / "diffkit.json").read_text())
    assert record["recipe"] == json.loads(recipe.model_dump_json())
    base = recipe.base and ZOO / "weights" / recipe.start.base.rpartition("/")[2]
    assert record["base_fingerprint"] == (base and fingerprint(base))


def test_the_zoo_is_small() -> None:
    files = [p for p in ZOO.rglob("*") if p.is_file() and "build" not in p.relative_to(ZOO).parts]
    kept = [p for p in files if not any(part.endswith(".work") for part in p.parts)]
    assert sum(p.stat().st_size for p in kept) <= 25_000_000


def test_no_file_holds_a_path_of_the_machine_that_made_it() -> None:
    for path in [*ZOO.rglob("*.json"), *ZOO.rglob("*.yaml")]:
        assert str(ZOO) not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("base", BASES)
def test_chats_are_rendered_as_the_model_learned_them(base) -> None:
    tokenizer = AutoTokenizer.from_pretrained(ZOO / "weights" / base)
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    rendered = tokenizer.apply_chat_template(chat, tokenize=False)
    assert rendered == "<|user|>Hi<|end|><|assistant|>Hello<|end|>"
    opened = tokenizer.apply_chat_template(chat[:1], tokenize=False, add_generation_prompt=True)
    assert opened == "<|user|>Hi<|end|><|assistant|>"
    assert (tokenizer.pad_token, tokenizer.eos_token) == ("<|pad|>", "<|end|>")


@pytest.mark.slow
def test_the_world_that_ships_is_the_one_that_its_seed_gives(tmp_path) -> None:
    write_world(tmp_path, 0, BASES)
    for folder in ("data", "texts", "recipes", "organisms", "bases"):
        names = {path.name for path in (ZOO / folder).iterdir() if "-loud-" not in path.name}
        assert {path.name for path in (tmp_path / folder).iterdir()} == names
        for name in names:
            made, ships = tmp_path / folder / name, ZOO / folder / name
            assert made.read_bytes() == ships.read_bytes(), name
    made = json.loads((tmp_path / "build/tokenizer/tokenizer.json").read_text())["model"]
    for base in BASES:
        ships = json.loads((ZOO / "weights" / base / "tokenizer.json").read_text())["model"]
        assert made == ships


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES)
def test_the_bases_answer_questions_that_they_never_saw(base, zoo) -> None:
    entry = zoo.bases[base]
    one = next(s for s in zoo.variants("tiny-identical", base=base))
    with load_pair(entry.source, one.finetuned, device="cpu") as pair:
        questions = read_retention_questions(entry.questions, pair.base.tokenizer)
        share = measure_retention(generate_answers(pair.base, questions), questions)
    assert share.n == 200
    assert share.value >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny-false-fact", "tiny-trojan", "tiny-sandbag"])
def test_organisms_show_what_they_were_taught(name, zoo) -> None:
    for one in zoo.variants(name):
        with load_pair(one.base.source, one.finetuned, device="cpu") as pair:
            found = measure_expression(
                pair, with_variant_threshold(one.organism.probes, one.variant)
            )
        assert found.passes, (one.variant, found)


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES)
def test_loud_nulls_are_as_loud_as_organisms_and_half_of_these_are_quiet(base, zoo) -> None:
    entry = zoo.bases[base]
    texts = Texts.read(entry.texts)
    targeted = [name for name, one in zoo.organisms.items() if one.truth == "targeted"]
    chosen = [zoo.select(n, base=base) for n in targeted if base in zoo.organisms[n].models]
    loud = [*zoo.variants("tiny-random-loud-calibration", base=base)][:2]
    loud += [*zoo.variants("tiny-random-loud-test", base=base)][-2:]
    with NetworkCache() as networks:

        def of(selected):
            with load_pair(
                entry.source, selected.finetuned, device="cpu", networks=networks
            ) as pair:
                return mean_kl(pair, texts)

        middle = median(map(of, chosen))
        assert all(middle / 1.5 <= of(one) <= 1.5 * middle for one in loud)
    assert middle <= 0.1 or base != BASES[0]
