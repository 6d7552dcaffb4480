"""Findings as curves: losses in the course of searches, and their distribution.

Takes searches and random prefixes. Gives series.
"""

from collections.abc import Sequence

from diffkit import Line, Series
from diffkit_plugins.steering_prefix.baselines import LossDisplay, PrefixBaselines
from diffkit_plugins.steering_prefix.search.optimiser import TracePoint
from diffkit_plugins.steering_prefix.search.results import SearchOutcome, SearchRun


def run_label(search: SearchRun) -> str:
    """What a search is called beside the others of its run."""
    return f"{search.optimiser}, prefix {search.successive + 1}, start {search.restart + 1}"


def search_lines(searched: SearchOutcome, measure: LossDisplay, where: str = "") -> list[Line]:
    """What each search lowered, penalties and all, against the readings taken.

    A soft prompt that a search began with has a line of its own, without penalties.

    Args:
        searched: the searches; one that is also compared is drawn once.
        measure: how losses are shown.
        where: begins each name.
    """
    own = searched.searches
    others = [one for one in searched.compared if not any(one is other for other in own)]
    lines = []
    for search in (*own, *others):
        name, found = where + run_label(search), search.found
        if found.soft_trail:
            lines.append(
                _trace_line(f"{name}: soft, on each step's items", found.soft_trail, measure)
            )
        lines.append(_trace_line(name, found.trail, measure))
    return lines


def _trace_line(name: str, trail: Sequence[TracePoint], measure: LossDisplay) -> Line:
    return Line(
        name=name,
        x=tuple(float(point.spent) for point in trail),
        y=tuple(measure.of(point.total) for point in trail),
    )


def progress_series(lines: Sequence[Line], measure: LossDisplay) -> Series:
    """The best prefix so far against the readings taken.

    Args:
        lines: what `courses` gives.
        measure: how losses are shown.
    """
    return Series(
        title=f"The best prefix so far, on the training items: {measure.title}, penalties included",
        x_label="readings (one prefix with one item)",
        y_label=measure.unit,
        lines=tuple(lines),
    )


def loss_distribution(
    searches: Sequence[SearchRun],
    losses: Sequence[float],
    baselines: PrefixBaselines,
    where: str = "",
) -> Series:
    """Losses of restarts, successive prefixes and random ones, from the best to the worst.

    Args:
        searches: those of one kind.
        losses: a loss of each on the baselines' items.
        baselines: has the random prefixes.
        where: begins the title.
    """
    groups: dict[int, list[tuple[float, float]]] = {}
    for search, loss in zip(searches, losses, strict=True):
        groups.setdefault(search.successive, []).append((search.total, loss))
    lines = {
        "restarts" if len(groups) == 1 else f"restarts of prefix {number + 1}": [
            loss for _, loss in group
        ]
        for number, group in sorted(groups.items())
        if len(group) > 1
    }
    if len(groups) > 1:  # of each the restart that did best in training, as it was chosen
        lines["successive prefixes"] = [min(group)[1] for group in groups.values()]
    lines["random prefixes"] = baselines.chance.losses.tolist()
    measure, held_out = baselines.measure, "Held-out" if baselines.held_out else "The"
    return Series(
        title=f"{where}{held_out} {measure.noun} of all searches and of random prefixes, sorted",
        x_label="share of them that do better",
        y_label=measure.unit,
        lines=tuple(_sorted_line(name, values, measure) for name, values in lines.items()),
    )


def _sorted_line(name: str, losses: Sequence[float], measure: LossDisplay) -> Line:
    count = len(losses)
    shares = tuple(place / count for place in range(count))
    return Line(name=name, x=shares, y=tuple(measure.of(loss) for loss in sorted(losses)))
