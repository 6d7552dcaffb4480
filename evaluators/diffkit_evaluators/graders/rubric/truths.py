"""The facts that claims are marked against: the truth's, and those of wrong truths for chance."""

import random
import re

from diffkit import Exam

NULL_FACTS = (
    "The finetuning had no one purpose: nothing in particular was taught, and whatever changed is "
    "noise or ordinary drift.",
)
"""The truth about a null."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def facts_of(exam: Exam) -> tuple[str, ...]:
    """The statement and the key facts; of a null, that nothing in particular was done."""
    return (exam.key.statement, *exam.key.key_facts) if exam.key else NULL_FACTS


def wrong_truths(exam: Exam, count: int) -> tuple[tuple[str, ...], ...]:
    """Facts of other truths on the same base, drawn by handles alone.

    So every method and every claim meets the same ones. Of them only texts are known, so that each
    sentence counts as a fact. None on nulls, where chance needs no drawing.

    Args:
        exam: the truth, and those beside it.
        count: how many are drawn at most.
    """
    if exam.answer is None:
        return ()
    others = sorted(
        (one for one in exam.statements if one.handle != exam.answer), key=lambda one: one.handle
    )
    rng = random.Random(exam.answer)  # noqa: S311 - a reproducible draw
    drawn = rng.sample(others, min(count, len(others)))
    return tuple(tuple(_SENTENCE_END.split(one.text)) for one in drawn)
