"""The labels of positions, and which of them a method reads; does not import torch."""

from collections.abc import Mapping
from typing import Literal, get_args

PositionLabel = Literal["text", "system", "user", "answer", "template", "special"]
"""A document's own text; a system's, a user's or an assistant's words; what the chat template
writes, its default system prompt included; what the tokenizer adds around a text, such as BOS."""

POSITION_LABELS: tuple[PositionLabel, ...] = get_args(PositionLabel)

PositionSelection = Literal["all", "content", "answers"]
"""Which positions count: all; messages and documents, without what the chat template and the
tokenizer add; or what a model writes by itself, answers and documents."""

SELECTED_LABELS: Mapping[PositionSelection, tuple[PositionLabel, ...]] = {
    "all": POSITION_LABELS,
    "content": ("text", "system", "user", "answer"),
    "answers": ("text", "answer"),
}
"""The labels of each selection."""
