"""Data frames of pandas, which need not be installed until one is asked for."""

from collections.abc import Iterable, Mapping
from functools import singledispatch
from itertools import zip_longest
from typing import Any

from diffkit.errors import MissingExtra
from diffkit.evaluation.leaderboard.schema import Leaderboard, Row
from diffkit.evaluation.record import Evaluation
from diffkit.findings import (
    Figure,
    Finding,
    Findings,
    Note,
    Samples,
    Series,
    Table,
    TokenTable,
    TokenTrace,
)
from diffkit.records.alignment import AlignedFinding, AlignedRuns
from diffkit.records.listing import Listing, SearchResults, StoredRecord
from diffkit.runs.manifest import StoredRun
from diffkit.statistics import Share
from diffkit.verdict import Attempt

Values = Mapping[str, Any]


def frame(value: Any) -> Any:
    """The data frame of a record, a row for each of its rows.

    Raises:
        MissingExtra: pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise MissingExtra("A data frame", "pandas", "pandas") from error
    return pd.DataFrame(list(rows(value)))


@singledispatch
def rows(value: Any) -> Iterable[Values]:
    """The rows of a record: column → value."""
    msg = f"{type(value).__name__} has no rows"
    raise TypeError(msg)


@rows.register
def _(value: TokenTable) -> Iterable[Values]:
    return (
        {"token": row.token, value.unit or "score": row.score, "spread": row.spread}
        for row in value.rows
    )


@rows.register
def _(value: TokenTrace) -> Iterable[Values]:
    for number, one in enumerate(value.tokens):
        yield {
            "position": number,
            "token": one.token,
            value.unit or "score": one.score,
            "base": one.base[0].token if one.base else None,
            "finetuned": one.finetuned[0].token if one.finetuned else None,
        }


@rows.register
def _(value: Samples) -> Iterable[Values]:
    for row in value.rows:
        sides = dict(zip(value.sides, (row.base, row.finetuned), strict=True))
        yield {"prompt": row.prompt, **sides, value.unit or "score": row.score}


@rows.register
def _(value: Series) -> Iterable[Values]:
    for line in value.lines:
        for x, y in zip(line.x, line.y, strict=False):
            yield {"line": line.name, value.x_label: x, value.y_label: y}


@rows.register
def _(value: Table) -> Iterable[Values]:
    for row in value.rows:
        yield {str(name): cell for name, cell in zip_longest(value.columns, row)}


@rows.register
def _(value: Note) -> Iterable[Values]:
    return [{"text": value.text}]


@rows.register
def _(value: Figure) -> Iterable[Values]:
    return [{"title": value.title, "artifact": value.artifact, "text": value.text}]


@rows.register
def _(value: Findings) -> Iterable[Values]:
    """An overview; each finding has a frame of its own."""
    for number, item in enumerate(value.items):
        title = item.text if isinstance(item, Note) else item.title
        yield {"finding": number, "kind": item.kind, "title": title, "rows": size(item)}


def size(item: Finding) -> int:
    """Rows of a finding: tokens of a trace, points of a series."""
    match item:
        case TokenTable() | Samples() | Table():
            return len(item.rows)
        case TokenTrace():
            return len(item.tokens)
        case Series():
            return sum(len(line.x) for line in item.lines)
        case _:
            return 1


@rows.register
def _(value: StoredRun) -> Iterable[Values]:
    manifest = value.manifest
    yield {
        "run": manifest.digest,
        "method": manifest.identity.method,
        "organism": manifest.labels.organism,
        "variant": manifest.labels.variant,
        "base": manifest.labels.base,
        "label": manifest.labels.pair,
        "seed": manifest.identity.seed,
        "change_score": manifest.change_score,
        "seconds": manifest.seconds,
        "peak_bytes": manifest.peak_bytes,
        "started": manifest.started,
    }


@rows.register
def _(value: StoredRecord) -> Iterable[Values]:  # type: ignore[type-arg]
    record = value.record
    where = value.places[0] if value.places else None
    known: dict[str, Any] = {
        "label": where.label if where else None,
        "method": where.method if where else None,
        "arm": where.arm if where else None,
        "investigator": where.investigator if where else None,
    }
    if isinstance(record, Attempt):
        said = record.verdict
        yield {
            "attempt": value.digest,
            **known,
            "outcome": record.outcome.value,
            "change": said.change if said else None,
            "claim": said.claim if said else None,
            "p_targeted": said.p_targeted if said else None,
            "questions": record.questions,
            "seconds": record.seconds,
        }
    else:
        grader = where.grader if where else None
        yield {
            "grade": value.digest,
            **known,
            "grader": grader,
            "score": record.score,
            "chance": record.chance,
            **record.parts,
        }


@rows.register
def _(value: Evaluation) -> Iterable[Values]:
    pairs = {(one.organism, one.variant, one.base) for one in value.entries}
    methods = sorted({one.method for one in value.entries})
    yield {
        "evaluation": value.name,
        "created": value.created,
        "pairs": len(pairs),
        "methods": ", ".join(methods),
        "attempts": len({ref.attempt for one in value.entries for ref in one.judged}),
    }


@rows.register
def _(value: Listing) -> Iterable[Values]:  # type: ignore[type-arg]
    for one in value:
        yield from rows(one)


@rows.register
def _(value: SearchResults) -> Iterable[Values]:
    return [vars(hit) for hit in value.hits]


@rows.register
def _(value: AlignedFinding) -> Iterable[Values]:
    names = [f"{column} ({side})" for column in value.columns for side in ("left", "right")]
    absent = (None,) * len(value.columns)
    for row in value.rows:
        sides = zip(row.left or absent, row.right or absent, strict=True)
        cells = [cell for pair in sides for cell in pair]
        there = {"left": row.left is not None, "right": row.right is not None}
        yield {
            **dict(zip(value.keys, row.key, strict=False)),
            **dict(zip(names, cells, strict=True)),
            **there,
        }


@rows.register
def _(value: AlignedRuns) -> Iterable[Values]:
    for name, (left, right) in value.scores.items():
        yield {"number": name, "left": left, "right": right}


@rows.register
def _(value: Leaderboard) -> Iterable[Values]:
    return map(_leaderboard_row, value.rows)


def _leaderboard_row(row: Row) -> Values:
    plain = ("method", "investigator", "grader", "arm", "stratum", "group", "attempts", "questions")
    measures = ("top1", "reciprocal_rank", "named", "detected", "false_alarms")
    found: dict[str, Any] = {name: getattr(row, name) for name in plain}
    for name in measures:
        found |= _share(name, getattr(row, name))
    return {**found, "seconds": row.seconds, "peak_bytes": row.peak_bytes}


def _share(name: str, share: Share | None) -> dict[str, Any]:
    parts = ("value", "hits", "n", "low", "high", "chance", "p")
    return {
        f"{name}_{part}" if part != "value" else name: getattr(share, part, None) for part in parts
    }
