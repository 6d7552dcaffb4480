"""Texts without a purpose: a base's own answers to neutral chats, generated once."""

import json
import random
import re
from collections.abc import Sequence

from diffkit.context import Progress, no_progress
from diffkit.engine.model import Model
from diffkit.errors import UserError
from diffkit.nulls.folder import NullFolder
from diffkit.runs.digest import digest
from diffkit.runs.files import write_atomically
from diffkit.runs.spec import ENGINE_VERSION
from diffkit.sampling import Completion, Sampling
from diffkit.texts import Message, Text, Texts
from diffkit.training.recipe import Recipe

ANSWERS_VERSION = 1
"""Raised when the same base and chats may give other answers."""

ANSWER_TOKENS = 64
"""Maximal length of an answer, in tokens; a longer one is cut after its last whole sentence."""

BATCH = 16
"""Chats that are answered before the answers are written."""

_SENTENCES = re.compile(r"(?s).*[.!?](?=\s|$)")


def chats_to_answer(texts: Texts) -> tuple[Text, ...]:
    """The chats of ``texts``, each up to the user's last message.

    Raises:
        UserError: there is none.
    """
    asked = tuple(dict.fromkeys(filter(None, (text.without_answer for text in texts.items))))
    if not asked:
        what = "The base's neutral texts hold no chat that it could answer."
        raise UserError(what, hint="Give texts to train benign nulls on: --texts FILE.")
    return asked


def answers_digest(base: str, asked: Sequence[Text]) -> str:
    """Digest of the answers of a base, by content.

    Args:
        base: fingerprint of the base as it is loaded.
        asked: the chats.
    """
    versions = {"answers": ANSWERS_VERSION, "engine": ENGINE_VERSION, "tokens": ANSWER_TOKENS}
    return digest({"base": base, "chats": Texts(items=tuple(asked)).digest, **versions})


def own_answers(
    model: Model,
    asked: Sequence[Text],
    folder: NullFolder,
    key: str,
    *,
    progress: Progress = no_progress,
    fresh: bool = False,
) -> Texts:
    """The chats with the base's greedy answers; those that a file holds are not generated again.

    Args:
        model: the base.
        asked: the chats.
        folder: where the answers are kept, in a file with the digest in its name.
        key: digest of the answers.
        progress: shows how far it is.
        fresh: generates all of them.

    Raises:
        UserError: the base answers nothing.
    """
    file = folder.root / "data" / f"own-answers-{key[:12]}.json"
    said: list[str] = (
        [] if fresh or not file.exists() else json.loads(file.read_text(encoding="utf-8"))
    )
    starts = range(len(said), len(asked), BATCH)
    for first in progress(starts, label="answers of the base", total=len(starts)):
        batch = asked[first : first + BATCH]
        answers = model.generate(batch, Sampling(max_new_tokens=ANSWER_TOKENS), batch_size=BATCH)
        said += [_whole_sentences(answer) for answer in answers]
        write_atomically(file, json.dumps(said, ensure_ascii=False, indent=0) + "\n")
    chats = [
        Text(messages=(*text.messages, Message(role="assistant", content=answer)))
        for text, answer in zip(asked, said, strict=True)
        if answer
    ]
    if not chats:
        what = "The base answers none of its neutral chats."
        raise UserError(what, hint="Give texts to train benign nulls on: --texts FILE.")
    return Texts(items=tuple(chats))


def _whole_sentences(answer: Completion) -> str:
    said = answer.text.strip()
    if answer.finished:
        return said
    found = _SENTENCES.match(said)
    return found[0] if found else ""


def draw_texts(texts: Texts, number: int, size: int | None) -> tuple[Text, ...]:
    """The texts of one benign null: as many as the finetuning had, drawn by the null's number.

    Args:
        texts: all texts.
        number: number of the null.
        size: how many; none, or more than there are: all, in an order of its own.
    """
    drawn = random.Random(f"benign {number}")  # noqa: S311 - a reproducible draw
    return tuple(drawn.sample(texts.items, min(size or len(texts), len(texts))))


def count_texts(recipe: Recipe) -> int | None:
    """Number of texts that a recipe learns from; none where one of its files cannot be read."""
    try:
        return sum(len(data.texts(recipe.root)) for data in recipe.data)
    except UserError:
        return None
