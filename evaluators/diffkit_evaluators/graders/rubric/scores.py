"""The facts that a claim is graded against, and scores from a judge's marks."""

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

    So they are the same for every method and claim. Only their texts are known, so that each
    sentence counts as a fact.

    Args:
        sheet: the answer sheet of an organism.
        count: maximum number of other truths.
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
"""The highest level of a rubric."""


@dataclass(frozen=True)
class ClaimScores:
    """The scores of one judgement of a claim."""

    recall: float
    """Share of the truth's facts that the claim states."""
    precision: float
    """Share of its assertions about the finetuning that are true; 0 if it makes none."""
    level: float
    """Level of the rubric's scale, divided by 5."""
    reason: str

    @property
    def f1(self) -> float:
        """Harmonic mean of recall and precision (van Rijsbergen 1979, chapter 7)."""
        total = self.recall + self.precision
        return 2 * self.recall * self.precision / total if total else 0.0


def score_marks(marks: Marks, facts: int, claim: str) -> ClaimScores:
    """The scores of one judgement.

    A fact counts if the judge says so and quotes words that the claim contains: a judge that was
    persuaded by the claim has none to quote. A fact without a mark does not count; of two marks,
    the worse one does.

    Args:
        marks: the judge's answer.
        facts: number of facts of the truth.
        claim: the claim that the judge read.
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
    """Whether the claim contains the quote, word by word; dots replace omitted words."""
    pieces = [_word_text(piece) for piece in _ELLIPSIS.split(mark.quote)]
    return any(pieces) and all(
        f" {piece} " in f" {_word_text(claim)} " for piece in pieces if piece
    )


def _word_text(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def median_judgement(repeats: Sequence[ClaimScores]) -> ClaimScores:
    """The judgement with the median F1; ties are ordered by level."""
    ordered = sorted(repeats, key=lambda one: (one.f1, one.level))
    return ordered[len(ordered) // 2]


def agreement(repeats: Sequence[ClaimScores]) -> float | None:
    """1 minus the mean difference in F1 between two repeats; none if there is only one."""
    gaps = [abs(first.f1 - second.f1) for first, second in combinations(repeats, 2)]
    return 1 - fmean(gaps) if gaps else None
