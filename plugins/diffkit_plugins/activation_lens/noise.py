"""Which tokens a mean difference promotes more than the choice of texts alone explains."""

from functools import cache

FAMILY = 0.05
"""Chance that noise lets any token of a table pass, at most."""


@cache
def bound(tokens: int, groups: int) -> float:
    """How many standard errors the promotion of a token must exceed to pass.

    Bonferroni over all tokens of the vocabulary, whatever their dependence, of one-sided tests by
    Student's t; a jackknife over few groups does not know its own error well, so that its quantiles
    are far out.

    Args:
        tokens: size of the vocabulary.
        groups: of the jackknife, 2 or more.
    """
    from scipy.stats import t

    return float(t.isf(FAMILY / tokens, groups - 1))
