"""Tables of the tokens that mean differences promote, noise left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diffkit import ModelPair, TokenScore, TokenTable
from diffkit_plugins.activation_lens.lens import Scores, promoted
from diffkit_plugins.activation_lens.shift import Shift


@dataclass(frozen=True)
class Promotion:
    """What the lens says of one mean difference."""

    shift: Shift
    scores: Scores

    @property
    def passing(self) -> int:
        """How many tokens are promoted by more than noise."""
        return int(self.scores.passing.sum())

    def table(self, pair: ModelPair, count: int) -> TokenTable:
        """The tokens that pass, most promoted first; all are candidates where no error is known.

        Args:
            pair: both sides.
            count: rows at most.
        """
        values, errors = self.scores.values, self.scores.errors
        known = values if errors is None else values.masked_fill(~self.scores.passing, -1)
        best = known.sort(descending=True, stable=True).indices[:count]
        spreads = [None] * len(best) if errors is None else errors[best].tolist()
        scored = zip(best.tolist(), known[best].tolist(), spreads, strict=True)
        rows = [
            TokenScore(token=pair.base.tokenizer.decode([token]), score=score, spread=spread)
            for token, score, spread in scored
            if score > 0
        ]
        unit = "logits above the vocabulary's mean"
        return TokenTable(title=self._title, unit=unit, rows=tuple(rows))

    @property
    def _title(self) -> str:
        bound, tokens = self.scores.bound, len(self.scores.values)
        where = f"layer {self.shift.layer}, slot {self.shift.name}"
        known = "standard errors unknown"
        if bound is not None:
            known = f"{self.passing} of {tokens} pass {bound:.1f} standard errors"
        return f"Tokens that the mean difference promotes, {where} ({known})"


def promotions(pair: ModelPair, shifts: Iterable[Shift]) -> Sequence[Promotion]:
    """The lens of every difference that is not zero, most telling first.

    Deep layers come first, since the lens is made for the last. Within a layer those come first
    that stand furthest above chance; what is the same in every text, where there is no chance,
    rests on one text's evidence and comes last.
    """
    found = [Promotion(shift, promoted(pair, shift)) for shift in shifts if shift.relative]
    return sorted(found, key=lambda each: (-each.shift.layer, -(each.shift.signal or 0)))


def token_tables(pair: ModelPair, found: Iterable[Promotion], count: int) -> Iterable[TokenTable]:
    """The tables that have a row, in the same order."""
    tables = (promotion.table(pair, count) for promotion in found)
    return [table for table in tables if table.rows]
