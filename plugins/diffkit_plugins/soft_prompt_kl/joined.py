"""A soft prompt and what follows it, as one side reads both."""

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from diffkit import Inputs, Model
from diffkit_plugins.soft_prompt_kl.passages import Context, Passage


def joined(
    side: Model, prompt: Float[Tensor, "length hidden"] | None, passages: Sequence[Passage]
) -> Inputs:
    """The prompt before each passage, padded on the right.

    Both sides read the same vectors of the prompt; tokens go through each side's own table.

    Args:
        side: who reads.
        prompt: the soft prompt; none leaves the passages as they are.
        passages: one batch.
    """
    return _batch(side, prompt, [one.ids for one in passages], "right")


def opened(
    side: Model, prompt: Float[Tensor, "length hidden"] | None, contexts: Sequence[Context]
) -> Inputs:
    """The prompt before each context, padded on the left, for completions."""
    return _batch(side, prompt, [one.ids for one in contexts], "left")


def _batch(
    side: Model,
    prompt: Float[Tensor, "length hidden"] | None,
    rows: Sequence[tuple[int, ...]],
    padding: Literal["left", "right"],
) -> Inputs:
    if prompt is None:
        return Inputs.of(rows, side=padding).to(side.device)
    held = (0,) * len(prompt)  # places that the prompt's vectors are written to
    inputs = Inputs.of([held + row for row in rows], side=padding).to(side.device)
    assert inputs.ids is not None  # noqa: S101 - rows of ids always give ids
    embeds = side.embed(inputs.ids).detach()  # recomputed blocks have it require gradients
    own = inputs.mask & (inputs.positions < len(prompt))
    embeds[own] = prompt.detach().to(embeds).repeat(len(rows), 1)
    return inputs.with_embeds(embeds)
