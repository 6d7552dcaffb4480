"""Which tokens carry the log-likelihood ratio."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
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

    @property
    def low(self) -> Float[Tensor, " vocabulary"]:
        """One standard error below the mean; at most 0 where one sample alone holds the token."""
        return self.mean - self.error


def contributions(scored: Sequence[Scored], vocabulary: int) -> Contributions:
    """Sums each sample's log ratios by token, and then over samples.

    Args:
        scored: one side's samples; there are two or more.
        vocabulary: ids from 0 to before it are counted.
    """
    total = torch.zeros(vocabulary, dtype=torch.float64)
    squares = torch.zeros(vocabulary, dtype=torch.float64)
    for one in scored:
        ids, places = torch.tensor(one.sample.ids, dtype=torch.long).unique(return_inverse=True)
        sums = torch.zeros(len(ids), dtype=torch.float64).index_add(0, places, one.ratios)
        known = ids < vocabulary
        total[ids[known]] += sums[known]
        squares[ids[known]] += sums[known].square()
    count = len(scored)
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0) * count / (count - 1)
    return Contributions(mean, (variance / count).sqrt())


def token_table(pair: ModelPair, title: str, found: Contributions, count: int) -> TokenTable:
    """The tokens that surely bring most; those whose lower bound is not above 0 are left out."""
    best = found.low.sort(descending=True, stable=True).indices[:count].tolist()
    rows = [
        TokenScore(
            token=pair.base.tokenizer.decode([token]),
            score=float(found.mean[token]),
            spread=float(found.error[token]),
        )
        for token in best
        if found.low[token] > 0
    ]
    return TokenTable(title=title, unit="nats per sample", rows=tuple(rows))
