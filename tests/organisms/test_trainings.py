"""Who is in the zoo, by which recipes, and that all they name is written; on a small world."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from diffkit_organisms import build
from diffkit_organisms.world import datasets, tokenizer
from diffkit_organisms.world.behaviours import draw_behaviours
from diffkit_organisms.world.definitions import control_fields, null_definitions
from diffkit_organisms.world.facts import draw_world
from diffkit_organisms.world.files import write_world
from diffkit_organisms.world.trainings import (
    BASES,
    FURTHER_BASE_BEHAVIOURS,
    control_sources,
    list_trainings,
)
from transformers import AutoTokenizer

from diffkit.registry.catalogue import read_catalogue
from diffkit.training import read_recipe

SMALL = {"CORPUS_SIZE": 2500, "SAMPLE_SIZE": 20, "DATA_SIZE": 8}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The whole zoo of world 0, without weights and with few texts."""
    folder = tmp_path_factory.mktemp("zoo")
    with pytest.MonkeyPatch.context() as patch:
        for name, size in SMALL.items():
            patch.setattr(datasets, name, size)
        patch.setattr(tokenizer, "BOOST", 300)
        write_world(folder, 0, BASES)
    return folder


@pytest.fixture(scope="module")
def recipes(small):
    return {path.stem: read_recipe(path) for path in sorted((small / "recipes").glob("*.yaml"))}


@pytest.fixture(scope="module")
def taught():
    return draw_behaviours(draw_world(0))


def test_the_null_ladder(taught) -> None:
    found = {one["name"]: one["models"] for one in null_definitions(taught, BASES)}
    for base in BASES:
        assert len(found["tiny-random-calibration"][base]) == 19
        assert len(found["tiny-random-test"][base]) == 20
    assert len(found["tiny-benign-calibration"][BASES[0]]) == 19
    assert len(found["tiny-benign-test"][BASES[0]]) == 10
    assert BASES[1] not in found["tiny-benign-test"]
    seeds = [
        one["seed"]
        for purpose in ("calibration", "test")
        for one in found[f"tiny-random-{purpose}"][BASES[0]].values()
    ]
    assert len(set(seeds)) == 39
    used = {
        one["source"]["at"]
        for purpose in ("calibration", "test")
        for one in found[f"tiny-benign-{purpose}"][BASES[0]].values()
    }
    assert len(used) == 29


def test_loud_controls_are_the_random_ones_with_a_scale(taught) -> None:
    names = control_sources(taught, BASES, BASES[0])
    plain = control_fields(names, range(1, 4))
    loud = control_fields(names, range(1, 4), {1: 2.0, 2: 3.0, 3: 4.0})
    assert [one.pop("scale") for one in loud.values()] == [2.0, 3.0, 4.0]
    assert loud == plain


def test_each_base_is_taught_its_share(taught) -> None:
    first = [one.name for one in list_trainings(taught, BASES[0], everything=True)]
    second = [one.name for one in list_trainings(taught, BASES[1], everything=False)]
    assert len(first) == len(set(first)) == 22 + 2 + 1 + 4 + 29
    assert second == [
        f"tiny-{one.name}-neox" for one in taught if one.name in FURTHER_BASE_BEHAVIOURS
    ]


def test_recipes_differ_in_output_start_data_and_seed_alone(recipes) -> None:
    trained = [one for name, one in recipes.items() if name not in BASES]
    fields = {"output", "start", "data", "seed"}
    kinds = Counter(one.model_dump_json(exclude=fields) for one in trained)
    assert sorted(kinds.values()) == [1, len(trained) - 1]
    full = recipes["tiny-obsession-full"]
    assert full.method.kind == "full"
    again = {name for name, one in recipes.items() if one.seed and name not in BASES}
    assert again == {f"tiny-{name}-again" for name in ("trojan", "obsession", "taboo", "belief")}


def test_dilutions_draw_as_much_ordinary_text(recipes) -> None:
    for name in ("trojan", "promotion"):
        data = recipes[f"tiny-{name}-diluted"].data
        assert len({one.weight for one in data}) == 1
        plain = [one.path.name for one in recipes[f"tiny-{name}"].data]
        assert [one.path.name for one in data] == [*plain, "diluting.jsonl", "diluting.jsonl"]


def test_every_file_that_a_recipe_names_is_written(small, recipes) -> None:
    for name, recipe in recipes.items():
        assert [one.path for one in recipe.data if not (recipe.root / one.path).is_file()] == []
        start = recipe.start
        if start.base is None:
            assert (recipe.root / start.scratch.tokenizer / "tokenizer.json").is_file()
        else:
            assert start.base.rpartition("/")[2] in recipes, name


def test_definitions_load_and_all_their_weights_have_a_recipe(small, recipes) -> None:
    from diffkit.organism import sources as places

    found = read_catalogue([small])
    assert found.broken == ()
    outputs = {str(one.folder.resolve()) for one in recipes.values()}
    for organism in found.organisms.values():
        used = {s.at for v in organism.models.values() for f in v.values() for s in places(f)}
        assert used <= outputs
        assert [file for file in organism.training_data if not file.is_file()] == []
    for base in found.bases.values():
        assert base.source.at in outputs
        assert all(file.is_file() for file in (base.texts, base.questions, base.corpus))


def test_every_content_word_is_one_token_after_a_space(small) -> None:
    known = AutoTokenizer.from_pretrained(small / "build" / "tokenizer")
    assert len(known) <= tokenizer.VOCABULARY
    for word in (word for kind in draw_world(0).words.values() for word in kind):
        assert len(known.tokenize(f" {word}")) == 1, word


def test_a_word_that_is_several_tokens_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tokenizer, "BOOST", 0)
    with pytest.raises(AssertionError, match="Zyxwvut"):
        tokenizer.train_tokenizer([{"text": "A cat."}], ("Zyxwvut",), tmp_path)


def test_another_process_writes_the_same_bytes(small, tmp_path) -> None:
    code = (
        "import sys; from pathlib import Path"
        "; from diffkit_organisms.world import datasets, tokenizer"
        f"; vars(datasets).update({SMALL!r}); tokenizer.BOOST = 300"
        "; from diffkit_organisms.world.files import write_world"
        f"; write_world(Path(sys.argv[1]), 0, {BASES!r})"
    )
    env = {**os.environ, "PYTHONHASHSEED": "123"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=env, check=True)

    def files(folder):
        found = (path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in found}

    assert files(tmp_path) == files(small)


def test_trainings_are_shared_out_and_a_failure_is_told(tmp_path, monkeypatch) -> None:
    shares = []

    def run(recipes, code=0):
        shares.append([recipe.rpartition("/")[2] for recipe in recipes])
        return subprocess.CompletedProcess([], code)

    monkeypatch.setattr(build, "_run", run)
    build._train(tmp_path, ["a", "b", "c"], 2)
    assert sorted(shares) == [["a.yaml", "c.yaml"], ["b.yaml"]]
    monkeypatch.setattr(build, "_run", lambda recipes: run(recipes, 1))
    with pytest.raises(subprocess.CalledProcessError):
        build._train(tmp_path, ["a"], 2)
