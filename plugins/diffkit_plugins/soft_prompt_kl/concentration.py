"""How far one word goes in telling which completions are tilted."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Float

from diffkit_plugins.soft_prompt_kl.ranking import Said
from diffkit_plugins.soft_prompt_kl.words import WORD

FEWEST = 3
"""Completions that a word must come up in: in fewer, it may meet a tilted one by chance."""


def concentration(said: Sequence[Said]) -> float:
    """The largest standardised excess ratio of a word; 0 where no word comes up often enough.

    Of the completions that say a word, it is the sum of the log-likelihood ratios less the mean of
    all, in standard deviations of the same sum over as many completions drawn at random. It has no
    unit, so a louder finetuning does not score higher for that; one that has the same thing said in
    many contexts does.

    Args:
        said: completions with their ratios without the prompt.
    """
    totals = np.array([one.total for one in said])
    places: dict[str, list[int]] = {}
    for place, one in enumerate(said):
        for word in set(WORD.findall(one.passage.words.casefold())):
            places.setdefault(word, []).append(place)
    return max((0.0, *(_excess(totals, where) for where in places.values())))


def _excess(totals: Float[np.ndarray, " completions"], where: Collection[int]) -> float:
    """Standardised, of completions drawn without replacement."""
    size, count = len(totals), len(where)
    if not FEWEST <= count < size:
        return 0.0
    chance = math.sqrt(count * float(totals.var()) * (size - count) / (size - 1))
    excess = float((totals[list(where)] - totals.mean()).sum())
    return excess / chance if chance > 0 else 0.0
