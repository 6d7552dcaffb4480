"""The importance of each token of a prefix.

Takes an objective and a prefix. Gives the rise of the loss without each token.
"""

from collections.abc import Sequence

import torch

from diffkit import TokenScore, TokenTable
from diffkit.analysis import token_text
from diffkit_plugins.steering_prefix.baselines import SplitHalf
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective


def token_importance(objective: PrefixObjective, ids: Sequence[int]) -> list[float]:
    """The rise of the mean loss without each token, in the unit of the objective.

    Args:
        objective: of the items.
        ids: the prefix.
    """
    without = [[*ids[:position], *ids[position + 1 :]] for position in range(len(ids))]
    prefixes = torch.tensor(without, dtype=torch.long).reshape(len(ids), len(ids) - 1)
    losses = objective.losses(prefixes, range(objective.items)).double().mean(dim=1)
    whole = SplitHalf(objective).loss(ids)
    return [float(loss) - whole for loss in losses]


def importance_table(
    objective: PrefixObjective,
    ids: Sequence[int],
    what: str = "held-out loss without it, less that with it",
) -> TokenTable:
    """The tokens of a prefix, the most important first.

    Args:
        objective: of the items.
        ids: the prefix.
        what: the quantity, for the title.
    """
    tokenizer = objective.model.tokenizer
    ranked = sorted(
        zip(ids, token_importance(objective, ids), strict=True), key=lambda row: -row[1]
    )
    return TokenTable(
        title=f"What each token of the prefix is worth: {what}",
        unit=objective.unit,
        rows=tuple(
            TokenScore(token=token_text(tokenizer, token), score=score) for token, score in ranked
        ),
    )
