"""The organisms and nulls of a world: expression, retention and drift."""

from collections.abc import Iterator, Sequence
from statistics import median, quantiles

from markdown_tables import BoardRow, share, table, value


def organisms(checks: Sequence[BoardRow]) -> Iterator[str]:
    """The base, the organisms and the nulls of one world."""
    taught = [c for c in checks if c["expression"]]
    drifts = [c["drift"] for c in taught]
    low, _, high = quantiles(drifts, n=4)
    failed = [f"{c['organism']} / {c['variant']}" for c in taught if not c["passes"]]
    quiet = [c for c in taught if value(c["retention"]) >= 0.9 and c["drift"] <= 0.1]
    yield (
        f"Base: {share(checks[0]['base_retention'])} of unseen questions answered rightly. "
        f"{len(taught)} organisms and variants; {len(taught) - len(failed)} pass the gate"
        f"{' (not: ' + ', '.join(failed) + '; left out below)' if failed else ''}; {len(quiet)} "
        f"are quiet (retention ≥ 0.9 and drift ≤ 0.1). Drift: median {median(drifts):.3f} nats per "
        f"token, quartiles {low:.3f} and {high:.3f}.\n"
    )
    kinds: dict[str, list[BoardRow]] = {}
    for each in checks:
        if not each["expression"]:
            kinds.setdefault(each["organism"], []).append(each)
    yield from table(
        ("null", "number", "drift", "largest rise of an organism's probes",
         "over 0.1 (left out of tests)"),
        [_null(kind, members) for kind, members in kinds.items()],
    )  # fmt: skip


def _null(kind: str, members: Sequence[BoardRow]) -> tuple[str, ...]:
    drift = [c["drift"] for c in members]
    rises = [_rise(c["rises"][0]) for c in members if c["rises"]]
    fails = sum(c["passes"] is False for c in members)
    largest = f"{max(rises):.2f}" if rises else ""
    return kind, str(len(members)), f"{min(drift):.4f} – {max(drift):.4f}", largest, str(fails)


def _rise(rise: BoardRow) -> float:
    return value(rise["null"]) - value(rise["base"])
