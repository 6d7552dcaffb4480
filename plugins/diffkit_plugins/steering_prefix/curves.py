"""How searches went, and how their outcomes compare with random prefixes."""

from collections.abc import Sequence

from diffkit import Line, Series
from diffkit_plugins.steering_prefix.chance import Chance
from diffkit_plugins.steering_prefix.searched import Search, Searched


def label(search: Search) -> str:
    """What a search is called beside the others of its run."""
    return f"{search.optimiser}, prefix {search.successive + 1}, start {search.restart + 1}"


def progress(searched: Searched, unit: str) -> Series:
    """The best training loss so far against the readings taken."""
    lines = [
        Line(
            name=label(search),
            x=tuple(float(point.spent) for point in search.found.trail),
            y=tuple(point.loss for point in search.found.trail),
        )
        for search in (*searched.searches, *searched.compared)
    ]
    return Series(
        title="The best prefix so far, on the training suffixes",
        x_label="readings (one prefix with one suffix)",
        y_label=unit,
        lines=tuple(lines),
    )


def spread(restarts: Sequence[float], chance: Chance, unit: str) -> Series:
    """Held-out losses of the restarts and of random prefixes, from the best to the worst.

    Args:
        restarts: a held-out loss of each search of one kind.
        chance: random prefixes.
        unit: of the losses.
    """
    lines = [_ranked("random prefixes", chance.losses.tolist())]
    if len(restarts) > 1:
        lines.insert(0, _ranked("restarts", restarts))
    return Series(
        title="Held-out losses of all searches and of random prefixes, sorted",
        x_label="share of them that do better",
        y_label=unit,
        lines=tuple(lines),
    )


def _ranked(name: str, losses: Sequence[float]) -> Line:
    count = len(losses)
    shares = tuple(place / count for place in range(count))
    return Line(name=name, x=shares, y=tuple(sorted(losses)))
