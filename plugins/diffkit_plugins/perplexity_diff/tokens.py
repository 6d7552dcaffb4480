"""Which tokens carry the log-likelihood ratio."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import ModelPair, TokenScore, TokenTable
from diffkit_plugins.perplexity_diff.survey import Scored


@dataclass(frozen=True)
class Contributions:
    """What each token brings to the log ratio of one side's samples, in nats per sample."""

    mean: Float[Tensor, " vocabulary"]
    """Over the samples; 0 for a token that none holds."""
    error: Float[Tensor, " vocabulary"]
    """Its standard error, samples taken as independent."""
    holders: Int[Tensor, " vocabulary"]
    """How many samples hold it."""

    @property
    def low(self) -> Float[Tensor, " vocabulary"]:
        """One standard error below the mean; 0 where fewer than two samples hold the token."""
        return torch.where(self.holders > 1, self.mean - self.error, 0.0)


def contributions(scored: Sequence[Scored], vocabulary: int) -> Contributions:
    """Sums each sample's log ratios by token, and then over samples.

    Args:
        scored: one side's samples; there are two or more.
        vocabulary: how many tokens there are.
    """
    total = torch.zeros(vocabulary, dtype=torch.float64)
    squares = torch.zeros(vocabulary, dtype=torch.float64)
    holders = torch.zeros(vocabulary, dtype=torch.long)
    for one in scored:
        ids, places = np.unique(np.array(one.sample.ids, dtype=np.int64), return_inverse=True)
        sums = torch.from_numpy(np.bincount(places, one.ratios.numpy(), minlength=len(ids)))
        total[ids] += sums
        squares[ids] += sums.square()
        holders[ids] += 1
    count = len(scored)
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0) * count / (count - 1)
    return Contributions(mean, (variance / count).sqrt(), holders)


def token_table(pair: ModelPair, title: str, found: Contributions, count: int) -> TokenTable:
    """The tokens that surely bring most; those whose lower bound is not above 0 are left out."""
    low = found.low.sort(descending=True, stable=True)
    rows = [
        TokenScore(
            token=pair.base.tokenizer.decode([token]),
            score=float(found.mean[token]),
            spread=float(found.error[token]),
        )
        for token in low.indices[:count][low.values[:count] > 0].tolist()
    ]
    return TokenTable(title=title, unit="nats per sample", rows=tuple(rows))
