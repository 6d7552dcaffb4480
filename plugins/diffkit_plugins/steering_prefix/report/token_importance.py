"""How much each token of a prefix contributes.

Takes an objective and a prefix. Gives the rise of the loss without each token.
"""

from collections.abc import Sequence

import torch

from diffkit import TokenScore, TokenTable
from diffkit_plugins.steering_prefix.baselines import SplitHalf
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective


def token_importance(objective: PrefixObjective, ids: Sequence[int]) -> list[float]:
    """How much higher the mean loss is without each token, in the objective's unit.

    Args:
        objective: of the items that it is measured on.
        ids: the prefix; without its only token there is none.
    """
    without = [[*ids[:place], *ids[place + 1 :]] for place in range(len(ids))]
    prefixes = torch.tensor(without, dtype=torch.long).reshape(len(ids), len(ids) - 1)
    losses = objective.losses(prefixes, range(objective.items)).double().mean(dim=1)
    with_all = SplitHalf(objective).loss(ids)
    return [float(other) - with_all for other in losses]


def importance_table(
    objective: PrefixObjective,
    ids: Sequence[int],
    what: str = "held-out loss without it, less that with it",
) -> TokenTable:
    """The prefix's tokens, those that it can spare least first.

    Args:
        objective: of the items that it is measured on.
        ids: the prefix.
        what: it is that is told of each, for the title.
    """
    decode = objective.model.tokenizer.decode
    ranked = sorted(
        zip(ids, token_importance(objective, ids), strict=True), key=lambda row: -row[1]
    )
    return TokenTable(
        title=f"What each token of the prefix is worth: {what}",
        unit=objective.unit,
        rows=tuple(TokenScore(token=decode([token]), score=score) for token, score in ranked),
    )
