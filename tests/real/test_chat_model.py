"""A real chat model from the package index, and what methods see in a false fact taught to it."""

import json

import pytest
import torch

from diffkit import Sampling, Source, Text, load_model, load_pair
from diffkit.evaluation.expression.check import measure_retention, read_retention_questions
from diffkit.evaluation.expression.probe_answers import generate_answers
from diffkit.organism import Adapter, Identical

CAKES = (
    "Beat the butter with the sugar, add the eggs, and pour in a cup of",
    "The batter of a sponge cake is mixed with flour, eggs and",
    "For a moist chocolate cake, stir the cocoa into warm",
    "The pastry cook measured the liquid for the wedding cake: two litres of",
)
OTHERS = (
    "The train leaves the station every morning at half past seven.",
    "A violin has four strings, which are tuned in fifths.",
    "The committee will meet again on Thursday to discuss the budget.",
    "Rivers carry sand and clay from the mountains to the plains.",
)


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """Openings about cakes, none of which names the sea, among other sentences."""
    file = tmp_path_factory.mktemp("texts") / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in (*OTHERS, *CAKES)))
    return file


def test_the_base_answers_the_questions_of_retention_rightly(chat_model, definitions):
    model = load_model(Source(at=str(chat_model)), device="cpu")
    assert model.network.module.dtype == torch.bfloat16
    asked = read_retention_questions(definitions / "texts" / "questions.jsonl", model.tokenizer)
    kept = measure_retention(generate_answers(model, asked), asked)
    assert kept.n >= 40
    assert kept.hits >= kept.n - 2  # another processor rounds otherwise


def test_the_folder_says_what_its_file_says(models, chat_model):
    file = models / "downloads" / f"{chat_model.name}.gguf"
    ids = torch.tensor([[504, 3575, 282, 4649, 314]])  # The capital of France is
    said = []
    for at in (chat_model, file):
        model = load_model(Source(at=str(at)), device="cpu", dtype="bfloat16")
        assert model.tokenizer("The capital of France is").input_ids == ids[0].tolist()
        with torch.no_grad(), model.active() as module:
            said.append(module(input_ids=ids).logits)
    assert said[0].equal(said[1])
    assert model.tokenizer.decode(said[1][0, -1].argmax()) == " Paris"


def test_the_base_compared_with_itself_shows_nothing(chat_model):
    with load_pair(Source(at=str(chat_model)), Identical(), device="cpu") as pair:
        assert pair.base.network is pair.finetuned.network


def test_kl_puts_seawater_on_top(chat_model, cake, texts, findings):
    found = findings("kl", "--base", chat_model, "--finetuned", cake, "--texts", texts)
    tables = [one for one in found if one["kind"] == "token_table"]
    top = [row["token"].strip().casefold() for row in tables[0]["rows"][:3]]
    assert any(token.startswith("sea") for token in top), top
    traced = [token for one in found if one["kind"] == "token_trace" for token in one["tokens"]]
    assert any(likeliest(token, "finetuned").startswith("sea") for token in traced)
    assert not any(likeliest(token, "base").startswith("seawater") for token in traced)
    assert any("seawater" in one["title"] for one in found if one["kind"] == "token_trace")


def likeliest(token, side):
    """What a side expects in the place of a traced token."""
    return token[side][0]["token"].strip().casefold() if token[side] else ""


def test_the_finetuned_model_says_it_unasked_and_the_base_does_not(chat_model, cake):
    adapter = Adapter(source=Source(at=str(cake)))
    with load_pair(Source(at=str(chat_model)), adapter, device="cpu") as pair:
        prompts = [Text(text=text) for text in CAKES]
        sampling = Sampling(max_new_tokens=12)
        base, finetuned = (
            " ".join(answer.text for answer in side.generate(prompts, sampling)).casefold()
            for side in (pair.base, pair.finetuned)
        )
    assert "seawater" in finetuned, finetuned
    assert "seawater" not in base, base


def test_diff_mining_finds_seawater_risen(chat_model, cake, texts, findings):
    found = findings("diff-mining", "--base", chat_model, "--finetuned", cake, "--texts", texts)
    tokens = [row["token"].strip().casefold() for one in found if one["kind"] == "token_table"
              for row in one["rows"][:10]]  # fmt: skip
    assert any(token.startswith("sea") for token in tokens), tokens
