"""Findings about sides that read the same text differently: by another template or tokenizer.

Methods give both sides the base's token ids. Where a finetuning changed what becomes of a chat
before the model reads it, that comparison alone would miss it, so the host adds this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit.context import RunContext
from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.pair import ModelPair
from diffkit.engine.tokenization import answer_start, common_prefix_length, encode
from diffkit.findings import Finding, Findings, Note, Sample, Samples
from diffkit.sampling import Sampling
from diffkit.texts import Text

MAX_TOKENS = 256
"""Tokens read of each text, from its beginning."""

CHATS = 16
"""Chats whose answers are compared, at most."""

SAMPLES = 4
"""Chats that both sides answer, at most."""


def with_readings(findings: Findings, pair: ModelPair, context: RunContext) -> Findings:
    """The findings of a method with those about differing readings; unchanged where none differs.

    On equal weights the method's score of 0 is dropped: it would say that nothing changed.

    Args:
        findings: what the method found, by the base's token ids.
        pair: both sides.
        context: the texts of the run.
    """
    if not pair.reading_differences:
        return findings
    reading = _Reading.of(pair, context.texts.items)
    items = (*_notes(pair, reading, len(context.texts)), *_answers(pair, reading.chats))
    metrics = dict(findings.metrics)
    metrics["texts_read_differently"] = float(reading.count)
    kl = _answers_kl(pair, reading.chats[:CHATS])
    if kl is not None:
        metrics["own_reading_kl_finetuned_base_nats"] = kl
    unchanged = pair.same_weights and findings.change_score == 0
    update = {"items": (*items, *findings.items), "metrics": metrics}
    return findings.model_copy(update=update | ({"change_score": None} if unchanged else {}))


@dataclass(frozen=True)
class _Reading:
    """Texts that the sides read differently."""

    count: int
    """Their number."""
    chats: tuple[Text, ...]
    """The chats among them."""

    @classmethod
    def of(cls, pair: ModelPair, texts: Sequence[Text]) -> "_Reading":
        sides = (pair.base.tokenizer, pair.finetuned.tokenizer)
        found = [
            text
            for text in texts
            if encode(sides[0], text, MAX_TOKENS) != encode(sides[1], text, MAX_TOKENS)
        ]
        return cls(len(found), tuple(text for text in found if text.messages))


def _notes(pair: ModelPair, reading: _Reading, count: int) -> tuple[Note, ...]:
    parts = ", ".join(pair.reading_differences)
    weights = "The weights are the same. " if pair.same_weights else ""
    text = (
        f"{weights}The sides differ in: {parts}. They read {reading.count} of {count} texts "
        "differently. The method gives both sides the base's token ids; beside it are the answers "
        "of each side to chats as its own files write them."
    )
    return (Note(text=text),)


def _answers(pair: ModelPair, chats: Sequence[Text]) -> tuple[Finding, ...]:
    """What each side answers to the first user's message of chats, by its own template."""
    prompts = [prompt for prompt in map(_question, chats) if prompt is not None][:SAMPLES]
    if not prompts:
        return ()
    base, finetuned = (side.generate(prompts, Sampling()) for side in (pair.base, pair.finetuned))
    rows = tuple(
        Sample(prompt=str(prompt), base=one.text, finetuned=two.text)
        for prompt, one, two in zip(prompts, base, finetuned, strict=True)
    )
    return (Samples(title="Answers, each side by its own template and tokenizer", rows=rows),)


def _question(chat: Text) -> Text | None:
    """A chat up to its first user's message."""
    users = [index for index, turn in enumerate(chat.messages) if turn.role == "user"]
    return Text(messages=chat.messages[: users[0] + 1]) if users else None


def _answers_kl(pair: ModelPair, chats: Sequence[Text]) -> float | None:
    """Mean KL(finetuned || base) in nats over the tokens of answers, as each side reads the chat.

    From a chat's first answer on, as far as both sides have the same tokens; none where no chat has
    an answer.
    """
    total, count = 0.0, 0
    for chat in chats:
        base, finetuned = (_answer(side.tokenizer, chat) for side in (pair.base, pair.finetuned))
        length = common_prefix_length(base.answer, finetuned.answer)
        if length:
            q, p = (
                _log_probs(side, one, length, pair.vocabulary)
                for side, one in ((pair.base, base), (pair.finetuned, finetuned))
            )
            total += float((p.exp() * (p - q)).sum())
            count += length
    return total / count if count else None


@dataclass(frozen=True)
class _Answer:
    """A chat's token ids, cut at its first answer."""

    before: list[int]
    answer: list[int]


def _answer(tokenizer: Any, chat: Text) -> _Answer:
    ids = encode(tokenizer, chat, MAX_TOKENS)
    start = answer_start(tokenizer, chat) or len(ids)  # the first token is predicted from nothing
    return _Answer(ids[:start], ids[start:])


def _log_probs(
    side: Model, read: _Answer, length: int, vocabulary: int
) -> Float[Tensor, "length vocabulary"]:
    """Log-probabilities of the first tokens of an answer."""
    first = len(read.before) - 1
    inputs = Inputs.of([[*read.before, *read.answer[:length]]])
    logits = side.logits(inputs, keep=slice(first, first + length))
    return logits[0, :, :vocabulary].double().log_softmax(dim=-1).cpu()
