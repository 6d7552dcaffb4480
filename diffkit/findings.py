"""Findings: the types of results that a method can return, each with its renderers.

Sides are typed fields (``base``, ``finetuned``), so a renderer can hide which side is which. Large
tensors are safetensors artifacts, named in a `Note` or a `Figure`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from diffkit.organism import Record
from diffkit.plain_text.display import Displayed


class TokenScore(Record):
    """A token and its score."""

    token: str
    """The decoded token."""
    score: float
    """In the table's unit."""
    spread: float | None = None
    """Standard error, in the same unit; none if it is unknown."""


class TokenTable(Displayed, Record):
    """Tokens, best first."""

    kind: Literal["token_table"] = "token_table"
    title: str
    unit: str
    """The unit of the scores, such as ``nats``."""
    rows: tuple[TokenScore, ...]


class Candidate(Record):
    """A token that a model predicts, and its probability."""

    token: str
    probability: float = Field(ge=0, le=1)


class TracedToken(Record):
    """A token in its context, with the predictions of each side in its place."""

    token: str
    score: float | None = None
    """Difference of the sides here, in the trace's unit; none where nothing was predicted."""
    base: tuple[Candidate, ...] = ()
    """The base's most probable tokens in this place."""
    finetuned: tuple[Candidate, ...] = ()
    """The finetuned model's most probable tokens in this place."""


class TokenTrace(Displayed, Record):
    """Consecutive tokens of one text with a score each."""

    kind: Literal["token_trace"] = "token_trace"
    title: str
    unit: str
    """The unit of the scores, such as ``nats``."""
    tokens: tuple[TracedToken, ...]


BOTH_SIDES = ("base", "finetuned")


class Sample(Record):
    """A prompt and the completion of each side."""

    prompt: str
    base: str
    finetuned: str
    score: float | None = None
    """Its score, in the samples' unit; none if nothing is measured."""


class Samples(Displayed, Record):
    """Completions of both sides, side by side."""

    kind: Literal["samples"] = "samples"
    title: str
    sides: tuple[str, str] = BOTH_SIDES
    """Labels of ``base`` and ``finetuned`` in a row; others if both completions come from one
    model, such as ``unsteered`` and ``steered``."""
    unit: str = ""
    """The unit of the scores, such as ``nats``; empty if there are none."""
    rows: tuple[Sample, ...]


class Line(Record):
    """One line of a series; ``x`` and ``y`` are equally long."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class Series(Displayed, Record):
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


class Table(Displayed, Record):
    """Anything else in rows and columns."""

    kind: Literal["table"] = "table"
    title: str
    columns: tuple[str, ...]
    """With units."""
    rows: tuple[tuple[Cell, ...], ...]
    text_columns: tuple[str, ...] = Field(default=(), exclude_if=lambda columns: not columns)
    """Names of the columns that hold what the finetuned model says, or texts that set it apart.
    Investigators claim words of these alone; other cells are the method's labels, or context."""

    @model_validator(mode="after")
    def _has_text_columns(self) -> "Table":
        missing = [name for name in self.text_columns if name not in self.columns]
        if missing:
            raise ValueError(f"text_columns: no column is called {missing[0]!r}")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of `text_columns`, row by row."""
        places = [place for place, name in enumerate(self.columns) if name in self.text_columns]
        cells = (row[place] for row in self.rows for place in places if place < len(row))
        return tuple(cell for cell in cells if isinstance(cell, str))


class Note(Displayed, Record):
    """A remark in words."""

    kind: Literal["note"] = "note"
    text: str


class Figure(Displayed, Record):
    """A picture, and a description for readers that cannot see it."""

    kind: Literal["figure"] = "figure"
    title: str
    artifact: str
    """Name of the run's PNG artifact."""
    text: str
    """Description of the picture."""


Finding = Annotated[
    TokenTable | TokenTrace | Samples | Series | Table | Note | Figure, Field(discriminator="kind")
]


class Findings(Displayed, Record):
    """The findings of one run of a method on one pair."""

    change_score: float | None = None
    """Size of the change by the method's own measure; higher is more; its scale comes from nulls.
    None: the method has no score."""
    metrics: Mapping[str, float] = Field(default_factory=dict)
    """Named numbers, units in their names (``kl_nats``)."""
    items: tuple[Finding, ...] = ()
    """The findings, most important first."""
