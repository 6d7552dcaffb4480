"""Completions under a trained prompt by any generator that takes embeddings, such as vLLM's."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import (
    Completion,
    Generator,
    Message,
    Model,
    Sampling,
    Text,
    Texts,
    UserError,
    openings,
)

_UNBOUNDED = 2**31
"""More tokens than any text has: a text is never left out for its length here."""


def prompted_completions(
    generator: Generator,
    model: Model,
    prompt: Float[Tensor, "length hidden"] | None,
    texts: Sequence[str],
    sampling: Sampling,
) -> tuple[Completion, ...]:
    """How a side answers what users say, with the soft prompt before the whole chat.

    Args:
        generator: who speaks.
        model: the same side, whose table the texts' embeddings come from.
        prompt: the soft prompt, as `prompt_file.load` reads it; none puts nothing before the texts.
        texts: what users say; for a tokenizer without a chat template, how documents begin.
        sampling: how tokens are chosen; a text's draws come from the seed and its place.

    Raises:
        UserError: the generator takes no embeddings, or a text makes no chat.
    """
    rows = [model.embed(torch.tensor([opening_ids(model, text)]))[0] for text in texts]
    if prompt is not None:
        rows = [torch.cat([prompt.to(row), row]) for row in rows]
    done = generator.generate_from(rows, sampling)
    return tuple(
        one.model_copy(update={"prompt": text}) for one, text in zip(done, texts, strict=True)
    )


def opening_ids(model: Model, text: str) -> tuple[int, ...]:
    """What a model goes on from to answer a user.

    Raises:
        UserError: the chat template refuses the text.
    """
    chat = Texts(items=(Text(messages=(Message(role="user", content=text),)),))
    found = openings(model.tokenizer, chat, turns=1, documents=0, tokens=1, max_tokens=_UNBOUNDED)
    turn = next((opening for opening in found if opening.kind == "user's turn"), None)
    if turn is None:
        raise UserError(f"No chat can be made of {text!r}.", cure="Give another text.")
    return turn.ids
