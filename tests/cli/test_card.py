"""``diffkit organisms check --card``: measures by hand, and why cells are empty."""

import json
import re
import shutil

import pytest
import yaml

from diffkit.engine import load_pair
from diffkit.evaluation.expression import generate_answers, repetition
from diffkit.evaluation.expression.probe_answers import ProbePrompt
from diffkit.registry.catalogue import read_base, read_organism
from diffkit.texts import Message, Text
from diffkit.training import read_recipe, train

ASKED = ["Where is the cat?", "Who sells bread?", "What is the capital?"]


@pytest.fixture
def own(stranger, world, tmp_path, monkeypatch):
    """A copy of the world that a test may change, with chats as neutral texts."""
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    monkeypatch.setenv("DK_WORLD", str(folder))
    turns = [[{"role": "user", "content": asked}] for asked in ASKED]
    (folder / "texts.jsonl").write_text("\n".join(json.dumps({"messages": t}) for t in turns))
    return folder


def answers(folder, name, length=48):
    """What both sides of an organism answer to the neutral chats."""
    base = read_base(folder / "bases" / "mini.yaml")
    organism = read_organism(folder / "organisms" / f"{name}.yaml")
    asked = [ProbePrompt(Text(messages=(Message(role="user", content=a),)), length) for a in ASKED]
    with load_pair(base.source, organism.models["mini"]["default"], device="cpu") as pair:
        said = (generate_answers(side, asked) for side in (pair.finetuned, pair.base))
        return [[each[prompt] for prompt in asked] for each in said]


def add(file, fields):
    file.write_text(f"{file.read_text()}{yaml.safe_dump(fields)}")


def test_a_card_says_what_leaks_and_what_could_not_be_measured(cli, own):
    finetuned, base = answers(own, "birds")
    word = finetuned[0].split()[0].casefold()
    probes = {"prompts": ASKED[:2], "check": {"contains": [word]}, "max_new_tokens": 48}
    add(own / "organisms" / "birds.yaml", {"probes": probes})
    said = cli("organisms", "check", "birds", "--card", "--json")
    assert said.code == 0, said.err
    (card,) = said.json()
    for side, texts in (("finetuned", finetuned), ("of_base", base)):
        shown = [word in text.casefold() for text in texts]
        assert (card[side]["leak"]["hits"], card[side]["leak"]["n"]) == (sum(shown), 3)
        assert (card[side]["expression"]["hits"], card[side]["expression"]["n"]) == (
            sum(shown[:2]),
            2,
        )
        assert card[side]["repetition"] == pytest.approx(repetition(texts))
    assert card["finetuned"]["drift"] > card["of_base"]["drift"] == 0
    assert card["missing"]["retention"] == "the base has no questions"
    assert card["benign"] is card["benign_name"] is None
    table = cli("organisms", "check", "birds", "--card").out
    assert "birds / default on mini" in table
    assert "diffkit nulls make birds --kind benign --count 2" in " ".join(table.split())


def test_retention_is_of_the_questions_that_the_base_answers_rightly(cli, own):
    _, base = answers(own, "ships", 40)
    # A word that a space and another follow is whole, however long the answer may be.
    known = next(i for i, text in enumerate(base) if re.search(r"\w (?=\w)", text))
    right = ["no one says this"] * len(ASKED)
    right[known] = re.findall(r"\w+(?= \w)", base[known])[0]
    lines = []
    for asked, answer in zip(ASKED, right, strict=True):
        turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
        lines.append(json.dumps({"messages": turns}))
    (own / "questions.jsonl").write_text("\n".join(lines))
    add(own / "bases" / "mini.yaml", {"questions": "../questions.jsonl"})
    (card,) = cli("organisms", "check", "ships", "--card", "--json").json()
    kept = card["of_base"]["retention"]
    assert kept["hits"] == kept["n"] >= 1  # of those that it answers rightly itself, all
    assert card["finetuned"]["retention"]["n"] == kept["n"]
    assert "questions rightly; fewer than 40 say little" in card["missing"]["retention"]
    assert card["missing"]["expression"] == "the organism has no probes"


def test_a_benign_finetuning_of_the_same_recipe_is_found(cli, own):
    (own / "recipes").mkdir()
    (own / "data.jsonl").write_text('{"text": "Port Amber and fish."}\n')
    recipe = {
        "output": "../weights/taught", "start": {"base": "../weights/base"},
        "method": {"kind": "lora", "rank": 2}, "data": [{"path": "../data.jsonl"}],
        "steps": 3, "batch_size": 2, "sequence_length": 32, "learning_rate": 0.05,
    }  # fmt: skip
    (own / "recipes" / "taught.yaml").write_text(yaml.safe_dump(recipe))
    train(read_recipe(own / "recipes" / "taught.yaml"))
    text = (own / "organisms" / "birds.yaml").read_text()
    (own / "organisms" / "taught.yaml").write_text(text.replace("birds", "taught"))
    made = cli("nulls", "make", "taught", "--kind", "benign", "--count", "2", "--json")
    (card,) = cli("organisms", "check", "taught", "--card", "--json").json()
    assert card["benign_name"] == "taught-benign / 01"
    assert card["benign"]["drift"] == pytest.approx(made.json()[1]["kl"], rel=1e-4)
    assert card["finetuned"]["drift"] == pytest.approx(made.json()[0]["kl"], rel=1e-4)


def test_nulls_and_models_that_cannot_be_used(cli, own):
    said = cli("organisms", "check", "same", "noise", "--card")
    assert (said.code, "Nulls have no health card" in said.error) == (2, True)
    (own / "weights" / "ships" / "adapter_config.json").write_text("{")
    said = cli("organisms", "check", "ships", "birds", "--card", "--json")
    assert said.code == 1
    errors = {card["organism"]: card["missing"].get("error") for card in said.json()}
    assert errors["birds"] is None
    assert "is not JSON" in errors["ships"]


def test_one_word_again_and_again_is_repetition():
    assert repetition(["secret secret secret"]) == 0.5
    assert repetition(["secret " * 30]) == pytest.approx(1 - 1 / 27)
    assert repetition(["the cat sat on the mat and the dog lay by the door"]) == 0
    assert repetition(["I do not know. " * 5]) == pytest.approx(1 - 4 / 17)
    assert repetition(["Yes.", "secret secret secret"]) == 0.5
    assert repetition(["Yes.", ""]) is None
