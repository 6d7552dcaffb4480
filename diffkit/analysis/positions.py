"""Positions that count, by their labels, and how many were left out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from jaxtyping import Bool
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.engine.positions.labels import PositionLabels, position_labels
from diffkit.engine.tokenization import encode
from diffkit.errors import UserError
from diffkit.findings import Note
from diffkit.texts import POSITION_LABELS, PositionLabel, Text


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

    def first_tokens(self, texts: Sequence[Text], count: int) -> list[list[int]]:
        """The first tokens of each text that count, as texts of their own.

        Before them are those that the tokenizer sets before every document, such as BOS, which
        models may need.

        Args:
            texts: the texts.
            count: the largest number of tokens of each, BOS included.

        Returns:
            The token ids of each text; empty where nothing counts.
        """
        start = _start_ids(self.tokenizer)
        return [self._first_tokens(text, count, start) for text in texts]

    def _first_tokens(self, text: Text, count: int, start: list[int]) -> list[int]:
        ids, labels = encode(self.tokenizer, text), position_labels(self.tokenizer, text)
        places = [place for place, label in enumerate(labels) if label in self.positions]
        own = [ids[place] for place in places]
        before = [] if not own or own[: len(start)] == start else start
        used = places[: count - len(before)]
        seen = labels[: used[-1] + 1] if used else labels
        self.counts = Counter(self.counts) + Counter(seen)
        return [*before, *own][:count]

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


def _start_ids(tokenizer: Any) -> list[int]:
    """What the tokenizer sets before every document."""
    document = Text(text="a")
    labelled = zip(encode(tokenizer, document), position_labels(tokenizer, document), strict=True)
    return [token for token, _ in takewhile(lambda each: each[1] == "special", labelled)]


def _listed(counts: Mapping[PositionLabel, int]) -> str:
    shown = (label for label in POSITION_LABELS if label in counts)
    return ", ".join(f"{counts[label]:,} {label}" for label in shown) or "none"


def _either(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
