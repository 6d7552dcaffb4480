"""Positions that count, by their labels, and how many were left out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Bool
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.engine.positions.labels import PositionLabels
from diffkit.engine.positions.selection import POSITION_LABELS, PositionLabel
from diffkit.errors import UserError
from diffkit.findings import Note
from diffkit.texts import Text


@dataclass
class SelectedPositions:
    """Chooses the positions with some labels in each batch, and counts these and the others.

    A method makes one for a run, takes the masks of its batches from it, calls `check` after the
    last one, and puts `note` and `metrics` into its findings.
    """

    tokenizer: Any
    """The tokenizer that reads the texts."""
    positions: tuple[PositionLabel, ...]
    """The labels of positions that count, as `PositionOptions.positions`."""
    counts: Mapping[PositionLabel, int] = field(default_factory=dict)
    """The number of positions with each label in the batches so far."""

    def tokens(self, inputs: Inputs, texts: Sequence[Text]) -> Bool[Tensor, "batch seq"]:
        """True at the tokens that count, for methods that read activations.

        Args:
            inputs: the batch.
            texts: the texts of its rows.
        """
        return self._selected(PositionLabels.of(self.tokenizer, texts, inputs.mask))

    def predicting(self, inputs: Inputs, texts: Sequence[Text]) -> Bool[Tensor, "batch seq"]:
        """True at positions whose next token counts, for methods that compare predictions.

        A text's first token is predicted nowhere, and its last one has no next token.

        Args:
            inputs: the batch.
            texts: the texts of its rows.
        """
        return self._selected(PositionLabels.of(self.tokenizer, texts, inputs.mask).predicted)

    def _selected(self, labels: PositionLabels) -> Bool[Tensor, "batch seq"]:
        self.counts = Counter(self.counts) + Counter(labels.counts)
        return labels.mask(*self.positions)

    @property
    def read(self) -> int:
        """The number of positions that counted."""
        return sum(self.counts.get(label, 0) for label in self.positions)

    @property
    def left_out(self) -> dict[PositionLabel, int]:
        """The number of positions with each label that did not count."""
        return {label: n for label, n in self.counts.items() if label not in self.positions}

    def check(self) -> None:
        """Makes sure that something was read.

        Raises:
            UserError: texts were read, and no position has one of the labels.
        """
        if self.read or not self.counts:
            return
        there = _listed(self.counts)
        what = f"No position is {_either(self.positions)}; the texts have these: {there}."
        labels = ",".join(label for label in POSITION_LABELS if label in self.counts)
        hint = f"Give other texts, or --set positions=[{labels}]."
        raise UserError(what, hint=hint)

    @property
    def metrics(self) -> dict[str, float]:
        """``positions_not_read``, a number that findings have beside those that were read."""
        return {"positions_not_read": float(sum(self.left_out.values()))}

    @property
    def note(self) -> Note:
        """How many positions of each kind were read and not read.

        For example ``Positions read: 400 user, 339 answer. Not read: 780 template.``
        """
        kept = {label: self.counts[label] for label in self.positions if label in self.counts}
        text = f"Positions read: {_listed(kept)}."
        if self.left_out:
            text += f" Not read: {_listed(self.left_out)}; --set positions=all reads these too."
        return Note(text=text)


def _listed(counts: Mapping[PositionLabel, int]) -> str:
    shown = (label for label in POSITION_LABELS if label in counts)
    return ", ".join(f"{counts[label]:,} {label}" for label in shown) or "none"


def _either(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
