"""How searches went, and how their outcomes compare with random prefixes."""

from collections.abc import Sequence

from diffkit import Line, Series
from diffkit_plugins.steering_prefix.baselines import Baselines
from diffkit_plugins.steering_prefix.measure import Measure
from diffkit_plugins.steering_prefix.optimiser import Point
from diffkit_plugins.steering_prefix.searched import Search, Searched


def label(search: Search) -> str:
    """What a search is called beside the others of its run."""
    return f"{search.optimiser}, prefix {search.successive + 1}, start {search.restart + 1}"


def courses(searched: Searched, measure: Measure, where: str = "") -> list[Line]:
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
        name, found = where + label(search), search.found
        if found.soft_trail:
            lines.append(_course(f"{name}: soft, on each step's items", found.soft_trail, measure))
        lines.append(_course(name, found.trail, measure))
    return lines


def _course(name: str, trail: Sequence[Point], measure: Measure) -> Line:
    return Line(
        name=name,
        x=tuple(float(point.spent) for point in trail),
        y=tuple(measure.of(point.total) for point in trail),
    )


def progress(lines: Sequence[Line], measure: Measure) -> Series:
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


def spread(
    searches: Sequence[Search], losses: Sequence[float], baselines: Baselines, where: str = ""
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
        lines=tuple(_ranked(name, values, measure) for name, values in lines.items()),
    )


def _ranked(name: str, losses: Sequence[float], measure: Measure) -> Line:
    count = len(losses)
    shares = tuple(place / count for place in range(count))
    return Line(name=name, x=shares, y=tuple(measure.of(loss) for loss in sorted(losses)))
