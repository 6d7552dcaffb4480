"""What the strongest changes write, read through the base's unembedding."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import ModelPair, TokenScore, TokenTable
from diffkit_weight_norms.config import WeightNormsConfig
from diffkit_weight_norms.measures import Change


def read_directions(
    pair: ModelPair, changes: Sequence[Change], config: WeightNormsConfig
) -> list[TokenTable]:
    """One table of tokens for each of the strongest changes that write into the residual stream."""
    writing = [change for change in changes if _writes(change, pair.base.hidden, config.writers)]
    writing.sort(key=lambda change: (-change.spectral, change.name))
    return [_table(pair, change, config.tokens) for change in writing[: config.directions]]


def _writes(change: Change, hidden: int, writers: Sequence[str]) -> bool:
    *_, module, parameter = change.name.split(".")
    return module in writers and parameter == "weight" and change.shape[0] == hidden


def _table(pair: ModelPair, change: Change, count: int) -> TokenTable:
    best = lens(pair, change.top).topk(min(count, pair.vocabulary))
    decode = pair.base.tokenizer.decode
    rows = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return TokenTable(
        title=f"What the strongest direction of {change.name} writes",
        unit="logits",
        rows=tuple(TokenScore(token=decode([token]), score=score) for token, score in rows),
    )


def lens(pair: ModelPair, direction: Float[Tensor, " hidden"]) -> Float[Tensor, " vocabulary"]:
    """Logits that a direction adds, by the base's final norm and unembedding (the logit lens).

    A singular vector's sign is arbitrary; the one whose likeliest token stands out more is read.
    """
    logits = pair.base.unembed(torch.stack([direction, torch.zeros_like(direction)])).float()
    added = (logits[0] - logits[1])[: pair.vocabulary]  # less what a norm's bias adds to anything
    added = added - added.mean()
    return added if added.max() >= -added.min() else -added
