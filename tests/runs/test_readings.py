"""A finetuning of the chat template or the tokenizer alone."""

import json
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from diffkit import Findings, Message, Note, RunContext, Source, Text, Texts, load_pair
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.organism import FullModel
from diffkit.runs.readings import with_readings
from diffkit.testing.models import tiny_base

SAME = Findings(change_score=0.0, items=(Note(text="They say the same."),))
CHAT = Text(
    messages=(Message(role="user", content="the cat"), Message(role="assistant", content="the dog"))
)
TEXTS = Texts(items=(Text(text="the cat"), CHAT))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_base(tmp_path_factory.mktemp("readings") / "base")


@pytest.fixture
def changed(base, tmp_path):
    def change(edit):
        folder = tmp_path / "changed"
        shutil.copytree(base, folder)
        edit(folder)
        return load_pair(
            Source(at=str(base)), FullModel(source=Source(at=str(folder))), device="cpu"
        )

    return change


def context(tmp_path):
    return RunContext(
        seed=0,
        texts=TEXTS,
        artifacts=Artifacts(tmp_path / "artifacts"),
        checkpoints=Checkpoints(tmp_path),
    )


def rewrite(folder):
    path = folder / "chat_template.jinja"
    before = path.read_text()
    path.write_text("dog " + before)
    assert path.read_text() != before


def test_a_changed_template_is_said_and_chats_are_compared_as_each_side_reads_them(
    base, changed, tmp_path
):
    with changed(rewrite) as pair:
        assert (pair.identical, pair.same_weights) == (False, True)
        assert pair.reading_differences == ("chat template",)
        found = with_readings(SAME, pair, context(tmp_path))
    assert found.change_score is None
    assert "differ in: chat template. They read 1 of 2 texts differently" in found.items[0].text
    assert found.items[1].rows[0].prompt == "the cat"
    assert found.items[2:] == SAME.items
    assert found.metrics["texts_read_differently"] == 1
    kl = found.metrics["own_reading_kl_finetuned_base_nats"]
    assert kl == pytest.approx(right_kl(base, tmp_path / "changed"), rel=1e-4)
    assert kl > 0


def right_kl(base, changed):
    """The same by transformers alone: one row a side, the answer found by its own tokens."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    logs = []
    for folder in (base, changed):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        turns = [message.model_dump() for message in CHAT.messages]
        whole = tokenizer.apply_chat_template(turns, tokenize=False)
        before = whole[: whole.rindex("the dog")]
        ids, start = (
            tokenizer(words, add_special_tokens=False)["input_ids"] for words in (whole, before)
        )
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, :, : len(tokenizer)].double()
        logs.append(logits[len(start) - 1 : -1].log_softmax(-1))
    q, p = logs
    return float((p.exp() * (p - q)).sum(-1).mean())


def test_end_tokens_and_added_tokens_are_differences_too(changed, tmp_path):
    def edit(folder):
        config = json.loads((folder / "generation_config.json").read_text())
        (folder / "generation_config.json").write_text(
            json.dumps(config | {"eos_token_id": [1, 5]})
        )
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.add_tokens(["thecat"])
        tokenizer.save_pretrained(folder)

    with changed(edit) as pair:
        assert pair.reading_differences == ("tokenizer", "end tokens")
        assert with_readings(SAME, pair, context(tmp_path)).change_score is None


def test_another_form_of_the_same_files_is_no_difference(changed, tmp_path):
    def edit(folder):
        for name in ("tokenizer.json", "generation_config.json"):
            path = folder / name
            path.write_text(json.dumps(json.loads(path.read_text()), indent=7))

    with changed(edit) as pair:
        assert pair.identical
        assert with_readings(SAME, pair, context(tmp_path)) is SAME
