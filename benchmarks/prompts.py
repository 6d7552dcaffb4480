"""What the two methods that search for prompts did in a world, pair by pair."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from page_cells import table

from diffkit.evaluation.record import Entry, read_evaluation
from diffkit.runs.store import Store
from diffkit.statistics import conformal_p

SOFT, PREFIX = "soft-prompt-kl", "steering-prefix"
KEPT = {
    SOFT: ("advantage", "concentration", "kl_prompted_nats", "kl_plain_nats", "base_moved_nats"),
    PREFIX: ("gap_closed", "gap_closed_by_best_random", "loss_empty_nats", "items"),
}
RANDOM = ("random", "random-loud")
CLOSED = 0.3
ALPHA = 0.05
Pair = dict[str, Any]


def write_prompts(store: Store, name: str, path: Path) -> None:
    """Writes the metrics of both methods' runs, for each pair of an evaluation."""
    entries = [e for e in read_evaluation(store, name).entries if e.method in KEPT and e.run]
    found = [_pair(store, entry) for entry in entries if not entry.from_table]
    path.write_text(json.dumps(found, indent=1) + "\n")


def _pair(store: Store, entry: Entry) -> Pair:
    metrics = store.run(entry.run).findings.metrics
    return {
        "method": entry.method,
        "organism": entry.organism,
        "variant": entry.variant,
        "truth": entry.truth,
        "role": entry.role,
        **{name: metrics.get(name) for name in KEPT[entry.method]},
    }


def prompts(pairs: Sequence[Pair]) -> Iterator[str]:
    """Tables of one world; in one where the methods were not run, that they were not."""
    if not pairs:
        yield f"`{SOFT}` and `{PREFIX}` were not run in this world.\n"
        return
    yield "### Prefixes that explain, and what soft prompts gain\n"
    yield from _explained([pair for pair in pairs if pair["method"] == PREFIX])
    yield from _gained([pair for pair in pairs if pair["method"] == SOFT])


def _explained(pairs: Sequence[Pair]) -> Iterator[str]:
    kinds = _kinds(pairs)
    nulls = {kind: _largest(found, "gap_closed") for kind, found in kinds.items()}
    bar = max(nulls.values(), default=0.0)
    noise = max(_largest(kinds.get(kind, ()), "loss_empty_nats") for kind in RANDOM)
    yield (
        "`steering-prefix`, `explain`: the share of the held-out gap (L_∅ − L_P)/(L_∅ − L_floor) "
        "that the prefix closes, the largest that any of 20 random prefixes closes, and the "
        "largest that the same search closes on any null: "
        + ", ".join(f"{kind} {value:.2f}" for kind, value in nulls.items())
        + f". Bold: at least {CLOSED}, and above both. Outputs *differ* where L_∅ is larger than "
        f"for any random change of the base, quiet or as loud as the organisms ({noise:.2f}); "
        "such a change, too, says something else after some suffixes.\n"
    )
    taught = [p for p in pairs if p["truth"] == "targeted" and p["gap_closed"] is not None]
    taught.sort(key=lambda pair: -pair["loss_empty_nats"])
    differing = [pair for pair in taught if pair["loss_empty_nats"] > noise]
    yield from table(
        ("organism", "suffixes", "L_∅, nats per token", "differ", "closed", "best random"),
        [_row(pair, pair in differing, _explains(pair, bar)) for pair in taught],
    )
    yield _counted("whose outputs differ", differing, bar)
    yield _counted("with some suffix after which the sides part", taught, bar)


def _counted(which: str, pairs: Sequence[Pair], bar: float) -> str:
    counts = {
        f"at least {CLOSED}": sum(pair["gap_closed"] >= CLOSED for pair in pairs),
        "above all random prefixes": sum(_beats_random(pair) for pair in pairs),
        "above all nulls": sum(pair["gap_closed"] > bar for pair in pairs),
        "all three": sum(_explains(pair, bar) for pair in pairs),
    }
    told = ", ".join(f"{words}: {count}" for words, count in counts.items())
    return f"Of {len(pairs)} organisms and variants {which}: {told}.\n"


def _row(pair: Pair, differs: bool, good: bool) -> tuple[str, ...]:
    closed = f"{pair['gap_closed']:.2f}"
    return (
        f"{pair['organism']} / {pair['variant']}",
        f"{pair['items']:.0f}",
        f"{pair['loss_empty_nats']:.2f}",
        "yes" if differs else "no",
        f"**{closed}**" if good else closed,
        f"{pair['gap_closed_by_best_random']:.2f}",
    )


def _explains(pair: Pair, bar: float) -> bool:
    return pair["gap_closed"] >= CLOSED and pair["gap_closed"] > bar and _beats_random(pair)


def _beats_random(pair: Pair) -> bool:
    beats: bool = pair["gap_closed"] > pair["gap_closed_by_best_random"]
    return beats


def _gained(pairs: Sequence[Pair]) -> Iterator[str]:
    taught = [pair for pair in pairs if pair["truth"] == "targeted"]
    calibration = _kinds([pair for pair in pairs if pair["role"] == "calibration"])
    alarms = [p for p in pairs if p["truth"] != "targeted" and p["role"] == "test"]
    yield (
        "`soft-prompt-kl`: how many pairs each number would detect at 0.05 against every kind of "
        "calibration null. A = log D(P)/D(∅) is large for small changes, whose D(∅) is next to "
        "nothing; the concentration of the likelihood ratio on one word is the change score.\n"
    )
    rows = [
        (
            word,
            f"{_detected(taught, calibration, name)} of {len(taught)}",
            f"{_detected(alarms, calibration, name)} of {len(alarms)}",
        )
        for word, name in (("A", "advantage"), ("concentration", "concentration"))
    ]
    yield from table(("score", "organisms", "other nulls (false alarms)"), rows)


def _detected(pairs: Sequence[Pair], nulls: Mapping[str, Sequence[Pair]], name: str) -> int:
    scores = [[null[name] or 0.0 for null in kind] for kind in nulls.values()]
    return sum(
        bool(scores) and max(conformal_p(pair[name] or 0.0, kind) for kind in scores) <= ALPHA
        for pair in pairs
    )


def _kinds(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        if pair["truth"] != "targeted":
            kind = pair["organism"].removeprefix("tiny-")
            found.setdefault(kind.removesuffix("-test").removesuffix("-calibration"), []).append(
                pair
            )
    return found


def _largest(pairs: Sequence[Pair], name: str) -> float:
    return max((pair[name] or 0.0 for pair in pairs), default=0.0)
