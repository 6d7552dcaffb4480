"""What is planted in one slot of chats is found there and nowhere else."""

import pytest
import torch
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.method import ActivationLens

from diffkit import (
    Message,
    ModelPair,
    Note,
    RunContext,
    Source,
    Table,
    Text,
    Texts,
    answer_start,
    load_pair,
    position_labels,
)
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method
from diffkit.organism import Identical

READING = {"ablation": False, "steering": False, "jacobian": False, "patchscope": False}
QUESTIONS = ("Why?", "What is the capital of the island?", "The cat sat on the mat, why?", "And?")
ANSWERS = ("So.", "The capital is Port Amber.", "The dog lay by the door.", "Two and three.")


def chat(question, answer):
    turns = (Message(role="user", content=question), Message(role="assistant", content=answer))
    return Text(messages=turns)


CHATS = Texts(items=tuple(chat(*turns) for turns in zip(QUESTIONS, ANSWERS, strict=True)))


@pytest.fixture(scope="module")
def copied_pair(tiny_folder):
    source = Source(at=str(tiny_folder / "base"))
    base, copy = (load_pair(source, Identical(), device="cpu").base for _ in range(2))
    return ModelPair(base, copy)


@pytest.fixture
def run(tmp_path):
    def call(pair, texts, **options):
        config = ActivationLensConfig(
            **{"min_texts": 2, "layers": [0], "scored": [0], **READING, **options}
        )
        kept = Artifacts(tmp_path), Checkpoints(tmp_path)
        return run_method(ActivationLens(), pair, config, RunContext(0, texts, *kept))

    return call


def moved(findings):
    table = next(item for item in findings.items if isinstance(item, Table))
    slot, norm = table.columns.index("slot"), table.columns.index("‖mean Δ‖")
    return {row[slot]: row[norm] for row in table.rows}


def planted(pair, text, place):
    """Edits the finetuned side's stream at one place of a text."""
    del text
    bias = torch.zeros(pair.base.d_model)
    bias[3] = 2.0

    def add(stream):
        changed = stream.clone()
        changed[:, place] += bias
        return changed

    return pair.finetuned.edit(0, add)


@pytest.mark.parametrize("offset", [-2, 0, 1])
@pytest.mark.parametrize("number", range(len(CHATS)))
def test_a_difference_at_the_answer_is_found_at_its_offset(run, copied_pair, number, offset):
    text = CHATS.items[number]
    place = answer_start(copied_pair.base.tokenizer, text) + offset
    with planted(copied_pair, text, place):
        found = moved(run(copied_pair, Texts(items=(text, text)), first=0, last=0))
    name = f"answer{offset:+d}".replace("-", "−")
    assert found.pop(name) == pytest.approx(2, rel=1e-4)
    label = position_labels(copied_pair.tokenizer, text)[place]
    assert (found.pop("all") > 0) == (label != "template")  # shown all the same
    assert set(found.values()) == {0}


def test_a_difference_at_the_end_is_found_at_the_last_token(run, copied_pair):
    documents = Texts.of("The cat sat.", "The cat sat.")
    with planted(copied_pair, documents.items[0], -1):
        found = moved(run(copied_pair, documents, first=1, last=2))
    assert found["last"] == pytest.approx(2, rel=1e-4)
    assert (found["0"], found["last−1"]) == (0, 0)
    assert set(found) == {"0", "last", "last−1", "all"}  # no chat, so no slot around an answer


@pytest.mark.parametrize("size", [1, 3])
def test_chats_of_any_length_meet_at_their_answers(run, tiny_pair, size):
    whole, other = (moved(run(tiny_pair, CHATS, batch_size=b)) for b in (4, size))
    assert whole == pytest.approx(other, rel=1e-4)
    assert {"answer−3", "answer−2", "answer−1", "answer+0", "answer+1", "answer+2"} <= set(whole)


def test_chats_that_cannot_be_split_are_counted_and_left_out(run, tiny_pair, monkeypatch):
    rewrites = (
        "{% for m in messages %}<|{{ m.role }}|>{{ messages[-1].content | length }} "
        "{{ m.content }}<|end|>{% endfor %}"
    )
    monkeypatch.setattr(tiny_pair.base.tokenizer, "chat_template", rewrites)
    findings = run(tiny_pair, CHATS)
    assert not [name for name in moved(findings) if name.startswith("answer")]
    notes = [item.text for item in findings.items if isinstance(item, Note)]
    assert any(note.startswith("4 chats count in no slot around the answer") for note in notes)


def test_documents_are_no_chats_that_cannot_be_split(run, tiny_pair, tiny_texts):
    findings = run(tiny_pair, tiny_texts)
    assert not any("chats" in item.text for item in findings.items if isinstance(item, Note))
