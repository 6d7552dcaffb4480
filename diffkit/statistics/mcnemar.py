"""Tests whether two methods hit equally often on the same cases."""

from collections.abc import Sequence


def mcnemar_p(one: Sequence[bool], other: Sequence[bool]) -> float | None:
    """McNemar's exact test of paired hits, two-sided (McNemar 1947; exact: Fagerland et al. 2013).

    Only cases that exactly one of them hit count; under the null hypothesis each is equally likely
    to be that one.

    Args:
        one: whether the first hit each case.
        other: whether the second hit each case.

    Returns:
        The p-value, 1 where they never differ; none without cases.
    """
    from scipy.stats import binomtest

    pairs = list(zip(one, other, strict=True))
    if not pairs:
        return None
    ahead = sum(a and not b for a, b in pairs)
    apart = sum(a != b for a, b in pairs)
    return float(binomtest(ahead, apart).pvalue) if apart else 1.0
