"""The texts of a run that its models can read: chats may be refused by a chat template."""

from dataclasses import dataclass
from typing import Any

from diffkit.errors import UserError
from diffkit.texts import Texts


@dataclass(frozen=True)
class ReadableTexts:
    """The texts that the models of a run can read."""

    texts: Texts
    note: str
    """Which are left out, and why; empty where none is."""


def readable_texts(subject: Any, texts: Texts) -> ReadableTexts:
    """The texts without the chats that a side's chat template refuses.

    Args:
        subject: the loaded pair or model.
        texts: the texts of the run.

    Raises:
        UserError: every text is refused.
    """
    from diffkit.engine.pair import ModelPair
    from diffkit.engine.tokenization import refused_texts

    sides = (subject.base, subject.finetuned) if isinstance(subject, ModelPair) else (subject,)
    refused = refused_texts([side.tokenizer for side in sides], texts.items)
    if not refused:
        return ReadableTexts(texts, "")
    first = min(refused)
    why = f"the first is text {first + 1}: {refused[first].what}"
    if len(refused) == len(texts):
        what = f"The chat template refuses all {len(texts)} texts; {why}"
        raise UserError(what, hint=refused[first].hint)
    left = tuple(text for index, text in enumerate(texts.items) if index not in refused)
    count = f"{len(refused)} of {len(texts)} texts"
    note = f"{count} are left out, as a chat template refuses them; {why}"
    return ReadableTexts(Texts(items=left), note)
