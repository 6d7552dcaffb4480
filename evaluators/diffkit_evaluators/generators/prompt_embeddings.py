"""Checks of input embeddings that replace a prompt."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from diffkit import UserError


def check_embeddings(
    embeddings: Sequence[Float[Tensor, "_ _"]], hidden: int
) -> list[Float[Tensor, "_ hidden"]]:
    """The embeddings without their gradients, once they fit.

    Args:
        embeddings: a sequence for each completion.
        hidden: width of the model's residual stream.

    Raises:
        UserError: a sequence is empty, or of another width.
    """
    for number, embedding in enumerate(embeddings):
        length, width = embedding.shape
        if not length or width != hidden:
            what = f"Embeddings {number} are {length} tokens of width {width}."
            hint = f"Give at least one token, each of this model's width {hidden}."
            raise UserError(what, hint=hint)
    return [embedding.detach() for embedding in embeddings]
