"""The share of the held-out gap that prefixes close, for each pair."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markdown_tables import table

RANDOM = ("random", "random-loud")
CLOSED = 0.3
METRICS = {"gap_closed": "share", "nats_closed": "nats"}
PairMetrics = dict[str, Any]


def prefix_report(pairs: Sequence[PairMetrics]) -> Iterator[str]:
    """The metrics of the method for each organism, and counts of those above all thresholds.

    Args:
        pairs: of one world, nulls and organisms.
    """
    kinds = kinds_of(pairs)
    most = {name: {k: largest(v, name) for k, v in kinds.items()} for name in METRICS}
    noise = max(largest(kinds.get(kind, ()), "loss_empty_nats") for kind in RANDOM)
    yield (
        "`steering-prefix`, `explain`: the share of the held-out gap (L_∅ − L_P)/(L_∅ − L_floor) "
        "that the prefix closes, the same in nats per token, and the largest share that any of 20 "
        "random prefixes closes. Bold: at least 0.3, above all of these, and above what the same "
        "search closes on any null, by share; with a star, in nats. The most that it closes there: "
        + "; ".join(f"{METRICS[name]}: {_by_kind(found)}" for name, found in most.items())
        + ". Outputs *differ* where L_∅ is larger than for any random change of the base, quiet or "
        f"as loud as the organisms ({noise:.2f}); after some suffixes such a change, too, says "
        "something else, and of a small gap after few suffixes a share is noise, while nats ask "
        "for a loud change.\n"
    )
    thresholds = {name: max(found.values(), default=0.0) for name, found in most.items()}
    taught = [p for p in pairs if p["truth"] == "targeted" and p["gap_closed"] is not None]
    taught.sort(key=lambda pair: -pair["loss_empty_nats"])
    yield from table(
        ("organism", "suffixes", "L_∅, nats per token", "differ", "closed", "nats", "best random"),
        [_row(pair, noise, thresholds) for pair in taught],
    )
    differing = [pair for pair in taught if pair["loss_empty_nats"] > noise]
    yield _counts("whose outputs differ", differing, thresholds)
    yield _counts("with some suffix after which the sides part", taught, thresholds)


def kinds_of(pairs: Sequence[PairMetrics]) -> dict[str, list[PairMetrics]]:
    """The nulls among some pairs, by kind."""
    found: dict[str, list[PairMetrics]] = {}
    for pair in pairs:
        if pair["truth"] != "targeted":
            kind = pair["organism"].removeprefix("tiny-")
            kind = kind.removesuffix("-test").removesuffix("-calibration")
            found.setdefault(kind, []).append(pair)
    return found


def largest(pairs: Sequence[PairMetrics], name: str) -> float:
    """The largest value of a metric; 0 if there is none."""
    return max((pair[name] or 0.0 for pair in pairs), default=0.0)


def _by_kind(found: Mapping[str, float]) -> str:
    return ", ".join(f"{kind} {value:.2f}" for kind, value in found.items())


def _counts(which: str, pairs: Sequence[PairMetrics], thresholds: Mapping[str, float]) -> str:
    counts = {
        f"at least {CLOSED}": sum(pair["gap_closed"] >= CLOSED for pair in pairs),
        "above all random prefixes": sum(_beats_random(pair) for pair in pairs),
    }
    for name, words in METRICS.items():
        counts[f"above all nulls by {words}"] = sum(pair[name] > thresholds[name] for pair in pairs)
        counts[f"all three by {words}"] = sum(_explains(pair, thresholds, name) for pair in pairs)
    text = ", ".join(f"{words}: {count}" for words, count in counts.items())
    return f"Of {len(pairs)} organisms and variants {which}: {text}.\n"


def _row(pair: PairMetrics, noise: float, thresholds: Mapping[str, float]) -> tuple[str, ...]:
    closed, nats = f"{pair['gap_closed']:.2f}", f"{pair['nats_closed']:.2f}"
    return (
        f"{pair['organism']} / {pair['variant']}",
        f"{pair['items']:.0f}",
        f"{pair['loss_empty_nats']:.2f}",
        "yes" if pair["loss_empty_nats"] > noise else "no",
        f"**{closed}**" if _explains(pair, thresholds, "gap_closed") else closed,
        f"{nats} \\*" if _explains(pair, thresholds, "nats_closed") else nats,
        f"{pair['gap_closed_by_best_random']:.2f}",
    )


def _explains(pair: PairMetrics, thresholds: Mapping[str, float], name: str) -> bool:
    """Whether enough of the gap is closed, more than by random prefixes, and more than on nulls."""
    enough = pair["gap_closed"] >= CLOSED and _beats_random(pair)
    more: bool = pair[name] > thresholds[name]
    return enough and more


def _beats_random(pair: PairMetrics) -> bool:
    beats: bool = pair["gap_closed"] > pair["gap_closed_by_best_random"]
    return beats
