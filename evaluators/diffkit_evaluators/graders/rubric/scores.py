"""Facts that a claim is marked against, and scores from the marks."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from diffkit import AnswerSheet
from diffkit_evaluators.graders.rubric.prompt import FactMark, Marks

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def facts_to_mark(sheet: AnswerSheet) -> tuple[str, ...]:
    """The statement and the key facts of an organism."""
    assert sheet.key is not None  # noqa: S101 - something targeted was done
    return sheet.key.statement, *sheet.key.key_facts


def wrong_truths(sheet: AnswerSheet, count: int) -> tuple[tuple[str, ...], ...]:
    """Facts of other truths on the same base, drawn by handles alone.

    So every method and every claim meets the same ones. Of them only texts are known, so that each
    sentence counts as a fact.

    Args:
        sheet: the truth about an organism, and those beside it.
        count: how many are drawn at most.
    """
    others = sorted(
        (one for one in sheet.statements if one.handle != sheet.answer), key=lambda one: one.handle
    )
    rng = random.Random(sheet.answer)  # noqa: S311 - a reproducible draw
    drawn = rng.sample(others, min(count, len(others)))
    return tuple(tuple(_SENTENCE_END.split(one.text)) for one in drawn)


_WORD = re.compile(r"\w+")

_ELLIPSIS = re.compile(r"\.{3}|…")

MAX_LEVEL = 5
"""The highest level."""


@dataclass(frozen=True)
class ClaimScores:
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


def score_marks(marks: Marks, facts: int, claim: str) -> ClaimScores:
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
        and all(mark.matched and _quote_in_claim(mark, claim) for mark in own)
    }
    telling = [mark for mark in marks.assertions if mark.says_what_was_done]
    return ClaimScores(
        recall=len(said) / facts,
        precision=fmean(mark.supported for mark in telling) if telling else 0.0,
        level=marks.level / MAX_LEVEL,
        reason=marks.reason,
    )


def _quote_in_claim(mark: FactMark, claim: str) -> bool:
    """Whether the claim holds the quote, word by word; dots stand for words left out."""
    pieces = [_word_text(piece) for piece in _ELLIPSIS.split(mark.quote)]
    return any(pieces) and all(
        f" {piece} " in f" {_word_text(claim)} " for piece in pieces if piece
    )


def _word_text(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def median_judgement(repeats: Sequence[ClaimScores]) -> ClaimScores:
    """The judgement of the median F1; of several, that of the median level."""
    ordered = sorted(repeats, key=lambda one: (one.f1, one.level))
    return ordered[len(ordered) // 2]


def agreement(repeats: Sequence[ClaimScores]) -> float | None:
    """1 less the mean difference between two repeats' F1; none where there is only one."""
    gaps = [abs(first.f1 - second.f1) for first, second in combinations(repeats, 2)]
    return 1 - fmean(gaps) if gaps else None
