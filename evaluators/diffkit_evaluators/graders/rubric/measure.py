"""Marks as numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from diffkit_evaluators.graders.rubric.marks import FactMark, Marks

_WORD = re.compile(r"\w+")
_LEFT_OUT = re.compile(r"\.{3}|…")
TOP = 5
"""The highest level."""


@dataclass(frozen=True)
class Measured:
    """One judgement of a claim."""

    recall: float
    """Share of the truth's facts that the claim says."""
    precision: float
    """Share of what it says was done that was done; 0 where it says nothing of that."""
    level: float
    """Level of the rubric's scale, divided by 5."""
    reason: str

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision (van Rijsbergen 1979, chapter 7)."""
        total = self.recall + self.precision
        return 2 * self.recall * self.precision / total if total else 0.0


def measured(marks: Marks, facts: int, claim: str) -> Measured:
    """The numbers of one judgement.

    A fact counts as said where the judge says so and quotes words that do stand in the claim: a
    judge that was talked into it has none to quote. One that it left out does not count; of one
    that it marked twice the worse mark does.

    Args:
        marks: what the judge answered.
        facts: how many facts the truth has.
        claim: what the judge read.
    """
    said = {
        number
        for number in (f"F{place}" for place in range(1, facts + 1))
        if (own := [mark for mark in marks.facts if mark.fact.strip() == number])
        and all(mark.matched and _quoted(mark, claim) for mark in own)
    }
    telling = [mark for mark in marks.assertions if mark.says_what_was_done]
    return Measured(
        recall=len(said) / facts,
        precision=fmean(mark.supported for mark in telling) if telling else 0.0,
        level=marks.level / TOP,
        reason=marks.reason,
    )


def _quoted(mark: FactMark, claim: str) -> bool:
    """Whether the claim holds the quote, word by word; dots stand for words left out."""
    pieces = [_words(piece) for piece in _LEFT_OUT.split(mark.quote)]
    return any(pieces) and all(f" {piece} " in f" {_words(claim)} " for piece in pieces if piece)


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def middle(repeats: Sequence[Measured]) -> Measured:
    """The judgement of the median F1; of several, that of the median level."""
    ordered = sorted(repeats, key=lambda one: (one.f1, one.level))
    return ordered[len(ordered) // 2]


def agreement(repeats: Sequence[Measured]) -> float | None:
    """1 less the mean difference between two repeats' F1; none where there is only one."""
    gaps = [abs(first.f1 - second.f1) for first, second in combinations(repeats, 2)]
    return 1 - fmean(gaps) if gaps else None
