"""Results of the two methods that search for prompts, for each pair of a world."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from markdown_tables import table
from page_prefixes import PairMetrics, kinds_of, prefix_report

from diffkit.evaluation.record import EvaluationEntry, read_evaluation
from diffkit.runs.store import Store
from diffkit.statistics import conformal_p

SOFT, PREFIX = "soft-prompt-kl", "steering-prefix"
METRICS = {
    SOFT: ("advantage", "concentration", "kl_prompted_nats", "kl_plain_nats", "base_moved_nats"),
    PREFIX: (
        "gap_closed",
        "nats_closed",
        "gap_closed_by_best_random",
        "loss_empty_nats",
        "items",
    ),
}
ALPHA = 0.05


def write_prompts(store: Store, name: str, path: Path) -> None:
    """Writes the metrics of both methods' runs, for each pair of an evaluation."""
    entries = [e for e in read_evaluation(store, name).entries if e.method in METRICS and e.run]
    pairs = [_pair_metrics(store, entry) for entry in entries if not entry.from_table]
    path.write_text(json.dumps(pairs, indent=1) + "\n")


def _pair_metrics(store: Store, entry: EvaluationEntry) -> PairMetrics:
    metrics = store.run(entry.run).findings.metrics
    return {
        "method": entry.method,
        "organism": entry.organism,
        "variant": entry.variant,
        "truth": entry.truth,
        "role": entry.role,
        **{name: metrics.get(name) for name in METRICS[entry.method]},
    }


def prompts(pairs: Sequence[PairMetrics]) -> Iterator[str]:
    """Tables of one world, or a sentence if the methods were not run there."""
    if not pairs:
        yield f"`{SOFT}` and `{PREFIX}` were not run in this world.\n"
        return
    yield "### Prefixes that explain, and what soft prompts gain\n"
    yield from prefix_report([pair for pair in pairs if pair["method"] == PREFIX])
    yield from _soft_prompts([pair for pair in pairs if pair["method"] == SOFT])


def _soft_prompts(pairs: Sequence[PairMetrics]) -> Iterator[str]:
    taught = [pair for pair in pairs if pair["truth"] == "targeted"]
    calibration = kinds_of([pair for pair in pairs if pair["role"] == "calibration"])
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


def _detected(
    pairs: Sequence[PairMetrics], nulls: Mapping[str, Sequence[PairMetrics]], name: str
) -> int:
    scores = [[null[name] or 0.0 for null in kind] for kind in nulls.values()]
    return sum(
        bool(scores) and max(conformal_p(pair[name] or 0.0, kind) for kind in scores) <= ALPHA
        for pair in pairs
    )
