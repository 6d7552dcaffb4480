"""Texts that a model writes of its own accord, to be used as prompts."""

from diffkit.engine.inputs import Inputs
from diffkit.engine.model import Model
from diffkit.engine.openings import openings
from diffkit.generator import Completion, Sampling
from diffkit.texts import Message, Text, Texts

_BATCH = 64


def own_texts(model: Model, count: int, sampling: Sampling) -> Texts:
    """Users' messages that a model writes where its chat template opens a chat, or documents.

    What a model was finetuned to answer shows in what it has users ask (Xu and others, *Magpie*,
    arXiv 2406.08464). Messages that the model did not end, empty ones and repetitions are left
    out, so there may be fewer than asked for, and none at all.

    Args:
        model: the writer.
        count: how many are drawn.
        sampling: how their tokens are chosen; at temperature 0 all are one.

    Returns:
        Chats of one user's message; from a tokenizer without a chat template, documents, whose
        ends may be cut.
    """
    found = openings(model.tokenizer, Texts(items=()), turns=0, documents=0, tokens=1)
    wanted = "chat" if model.tokenizer.chat_template else "document"
    ids = [opening.ids for opening in found if opening.kind == wanted]
    if not ids:
        return Texts(items=())
    drawn: list[Completion] = []
    for first in range(0, count, _BATCH):
        rows = [ids[0]] * min(_BATCH, count - first)
        drawn += model.generate_from(Inputs.of(rows, side="left"), sampling, first=first)
    ended = [one.text.strip() for one in drawn if one.finished or wanted == "document"]
    words = [text for text in dict.fromkeys(ended) if text]
    if wanted == "document":
        return Texts.of(*words)
    return Texts(items=tuple(Text(messages=(Message(role="user", content=w),)) for w in words))
