"""Findings as curves: losses in the course of searches, and their distribution.

Takes searches and random prefixes. Gives series.
"""

from collections.abc import Sequence

from diffkit import Line, Series
from diffkit_plugins.steering_prefix.baselines import LossDisplay, PrefixBaselines
from diffkit_plugins.steering_prefix.search.optimiser import TracePoint
from diffkit_plugins.steering_prefix.search.results import SearchOutcome, SearchRun


def run_label(search: SearchRun) -> str:
    """The label of a search among the others of its run."""
    return f"{search.optimiser}, prefix {search.successive + 1}, start {search.restart + 1}"


def search_lines(outcome: SearchOutcome, display: LossDisplay, where: str = "") -> list[Line]:
    """Loss and penalty of each search by the readings spent.

    The soft prompt of a search has its own line, without penalties.

    Args:
        outcome: the searches; one that is also compared is drawn once.
        display: of the losses.
        where: beginning of each label.
    """
    own = outcome.searches
    others = [one for one in outcome.compared if not any(one is other for other in own)]
    lines = []
    for search in (*own, *others):
        name, result = where + run_label(search), search.result
        if result.soft_trace:
            lines.append(
                _trace_line(f"{name}: soft, on each step's items", result.soft_trace, display)
            )
        lines.append(_trace_line(name, result.trace, display))
    return lines


def _trace_line(name: str, trace: Sequence[TracePoint], display: LossDisplay) -> Line:
    return Line(
        name=name,
        x=tuple(float(point.spent) for point in trace),
        y=tuple(display.value(point.total) for point in trace),
    )


def progress_series(lines: Sequence[Line], display: LossDisplay) -> Series:
    """The loss of the best prefix so far by the readings spent.

    Args:
        lines: the result of `search_lines`.
        display: of the losses.
    """
    return Series(
        title=f"The best prefix so far, on the training items: {display.title}, penalties included",
        x_label="readings (one prefix with one item)",
        y_label=display.unit,
        lines=tuple(lines),
    )


def loss_distribution(
    searches: Sequence[SearchRun],
    losses: Sequence[float],
    baselines: PrefixBaselines,
    where: str = "",
) -> Series:
    """Sorted losses of restarts, successive prefixes and random ones.

    Args:
        searches: with one optimiser.
        losses: the loss of each on the items of the baselines.
        baselines: with the random prefixes.
        where: beginning of the title.
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
    if len(groups) > 1:  # the restart with the best training loss, which was chosen
        lines["successive prefixes"] = [min(group)[1] for group in groups.values()]
    lines["random prefixes"] = baselines.random.losses.tolist()
    display, held_out = baselines.display, "Held-out" if baselines.held_out else "The"
    return Series(
        title=f"{where}{held_out} {display.noun} of all searches and of random prefixes, sorted",
        x_label="share of them that do better",
        y_label=display.unit,
        lines=tuple(_sorted_line(name, values, display) for name, values in lines.items()),
    )


def _sorted_line(name: str, losses: Sequence[float], display: LossDisplay) -> Line:
    count = len(losses)
    shares = tuple(position / count for position in range(count))
    return Line(name=name, x=shares, y=tuple(display.value(loss) for loss in sorted(losses)))
