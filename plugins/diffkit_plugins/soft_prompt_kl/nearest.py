"""The tokens of the vocabulary that lie nearest to each soft token."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import ModelPair, Note, Table
from diffkit_plugins.soft_prompt_kl.passages import Context


@dataclass(frozen=True)
class Nearest:
    """What lies nearest to each soft token, among the tokens that both sides have."""

    closest: Int[Tensor, " length"]
    """Ids at the least Euclidean distance."""
    distances: Float[Tensor, " length"]
    """To them, in norms of the soft tokens."""
    aligned: Int[Tensor, " length"]
    """Ids with the largest cosine similarity."""
    cosines: Float[Tensor, " length"]
    """Of them."""
    norms: Float[Tensor, " length"]
    """Of the soft tokens, in the vocabulary's median norm."""

    def before(self, contexts: Sequence[Context]) -> tuple[Context, ...]:
        """The contexts after the prompt as text: each soft token replaced by the closest one."""
        hard = tuple(self.closest.tolist())
        return tuple(replace(context, ids=hard + context.ids) for context in contexts)


def nearest(pair: ModelPair, prompt: Float[Tensor, "length hidden"]) -> Nearest:
    """Compares the prompt with the base's input embeddings."""
    table = pair.base.embed(torch.arange(pair.vocabulary)[None])[0].float()
    soft = prompt.to(table.device, torch.float32)
    norms, lengths = soft.norm(dim=-1), table.norm(dim=-1)
    products = soft @ table.T
    cosines = products / (norms[:, None] * lengths).clamp(min=1e-12)
    squares = norms[:, None].square() - 2 * products + lengths.square()
    close, similar = squares.min(dim=-1), cosines.max(dim=-1)
    return Nearest(
        close.indices.cpu(),
        (close.values.clamp(min=0).sqrt() / norms.clamp(min=1e-12)).cpu(),
        similar.indices.cpu(),
        similar.values.cpu(),
        (norms / lengths.median()).cpu(),
    )


def nearest_table(pair: ModelPair, found: Nearest) -> Table:
    """A row for each soft token."""
    decode = pair.base.tokenizer.decode
    closest, aligned = (
        [decode([token]) for token in ids.tolist()] for ids in (found.closest, found.aligned)
    )
    columns = (
        range(1, len(closest) + 1),
        closest,
        found.distances.tolist(),
        aligned,
        found.cosines.tolist(),
        found.norms.tolist(),
    )
    return Table(
        title="The vocabulary's tokens nearest to each soft token",
        columns=("soft token", "closest", "distance, own norms", "most aligned", "cosine",
                 "norm, vocabulary's median"),
        rows=tuple(zip(*columns, strict=True)),
    )  # fmt: skip


def caveat() -> Note:
    """Why the table is no reading of the prompt."""
    return Note(
        text="The nearest tokens mislead: a soft prompt lies between tokens, and prompts that do "
        "the same have quite other neighbours. See what is left of the divergence when each soft "
        "token is replaced by the closest one."
    )
