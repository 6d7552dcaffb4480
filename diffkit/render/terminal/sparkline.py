"""A line plot in one line of text."""

from collections.abc import Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], *, width: int = 32) -> str:
    """Bars from the least to the largest value; longer series are averaged in ``width`` bins."""
    if not values:
        return ""
    bins = min(width, len(values))
    edges = [len(values) * i // bins for i in range(bins + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    least, most = min(means), max(means)
    span = (most - least) or 1.0
    return "".join(_BARS[round((len(_BARS) - 1) * (mean - least) / span)] for mean in means)
