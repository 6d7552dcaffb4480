"""The labels of positions, and the option that chooses which are read; does not import torch."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from diffkit.method import MethodConfig

PositionLabel = Literal["text", "system", "user", "answer", "template", "special"]
"""A document's own text; a system's, a user's or an assistant's words; what the chat template
writes, its default system prompt included; what the tokenizer adds around a text, such as BOS."""

POSITION_LABELS: tuple[PositionLabel, ...] = get_args(PositionLabel)

EVERY = "all"
"""The word for every label."""


class PositionOptions(MethodConfig):
    """Options of a method that reads texts: which of their positions count.

    Subclass it in place of `MethodConfig`; `diffkit.analysis.SelectedPositions` applies it.
    """

    positions: tuple[PositionLabel, ...] = Field(
        default=("text", "user", "answer"), min_length=1, validate_default=True
    )
    """Positions that are read: documents, users' words and answers, but not what the chat template
    writes, which is the same in each chat. A prediction counts as the predicted token does.
    ``all`` reads every position."""

    @field_validator("positions", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """A list, also of one label, of labels with commas between them, and of ``all``."""
        words = given.split(",") if isinstance(given, str) else given
        if not isinstance(words, Sequence):
            return given
        labels = [word.strip() if isinstance(word, str) else word for word in words]
        return POSITION_LABELS if labels == [EVERY] else labels

    @field_validator("positions")
    @classmethod
    def _in_order(cls, given: tuple[PositionLabel, ...]) -> tuple[PositionLabel, ...]:
        """The same labels give the same key in any order."""
        return tuple(label for label in POSITION_LABELS if label in given)
