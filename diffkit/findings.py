"""What a method found: a small union that one renderer each shows as text, HTML or a page.

Sides are typed fields (``base``, ``finetuned``), so hiding which side is which is a choice of the
renderer's. Large tensors are safetensors artifacts, named in a `Note` or a `Figure`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from diffkit.organism import Record


class TokenScore(Record):
    """A token and how much it matters."""

    token: str
    """The decoded token."""
    score: float
    """In the table's unit."""
    spread: float | None = None
    """Standard error, in the same unit, where one is known."""


class TokenTable(Record):
    """Tokens, best first."""

    kind: Literal["token_table"] = "token_table"
    title: str
    unit: str
    """What the scores are measured in, such as ``nats``."""
    rows: tuple[TokenScore, ...]


class Candidate(Record):
    """A token that a model would have said, and its probability."""

    token: str
    probability: float = Field(ge=0, le=1)


class TracedToken(Record):
    """A token in its context, with what each side expected in its place."""

    token: str
    score: float | None = None
    """How far the sides differ here, in the trace's unit; none where nothing was predicted."""
    base: tuple[Candidate, ...] = ()
    """The base's likeliest tokens in this place."""
    finetuned: tuple[Candidate, ...] = ()
    """The finetuned model's likeliest tokens in this place."""


class TokenTrace(Record):
    """Consecutive tokens of one text with a score each."""

    kind: Literal["token_trace"] = "token_trace"
    title: str
    unit: str
    """What the scores are measured in, such as ``nats``."""
    tokens: tuple[TracedToken, ...]


BOTH_SIDES = ("base", "finetuned")


class Sample(Record):
    """A prompt and how each side goes on."""

    prompt: str
    base: str
    finetuned: str
    score: float | None = None
    """How telling it is, in the samples' unit; none where nothing is measured."""


class Samples(Record):
    """Completions of both sides, side by side."""

    kind: Literal["samples"] = "samples"
    title: str
    sides: tuple[str, str] = BOTH_SIDES
    """What ``base`` and ``finetuned`` of a row are called; other words where both come from one
    model, such as ``unsteered`` and ``steered``, so that neither is what the base says."""
    unit: str = ""
    """What the scores are measured in, such as ``nats``; empty where there are none."""
    rows: tuple[Sample, ...]


class Line(Record):
    """One line of a series; ``x`` and ``y`` are equally long."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class Series(Record):
    """Lines over a common axis."""

    kind: Literal["series"] = "series"
    title: str
    x_label: str
    """With its unit."""
    y_label: str
    """With its unit."""
    lines: tuple[Line, ...]
    log_x: bool = False
    """Whether the axis is drawn logarithmically."""


Cell = str | int | float | None


class Table(Record):
    """Anything else in rows and columns."""

    kind: Literal["table"] = "table"
    title: str
    columns: tuple[str, ...]
    """With units."""
    rows: tuple[tuple[Cell, ...], ...]


class Note(Record):
    """A remark in words."""

    kind: Literal["note"] = "note"
    text: str


class Figure(Record):
    """A picture, and the same in words for readers that cannot see it."""

    kind: Literal["figure"] = "figure"
    title: str
    artifact: str
    """Name of the run's PNG artifact."""
    text: str
    """What the picture shows."""


Finding = Annotated[
    TokenTable | TokenTrace | Samples | Series | Table | Note | Figure, Field(discriminator="kind")
]


class Findings(Record):
    """All that one run of a method says about one pair."""

    change_score: float | None = None
    """How much has changed by the method's own measure; higher is more; only nulls give it meaning.
    None: the method does not say."""
    metrics: Mapping[str, float] = Field(default_factory=dict)
    """Named numbers, units in their names (``kl_nats``)."""
    items: tuple[Finding, ...] = ()
    """The findings, most telling first."""
