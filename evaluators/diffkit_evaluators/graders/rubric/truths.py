"""The facts that claims are marked against: the truth's, and those of wrong truths for chance."""

import random
import re

from diffkit import Exam

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def facts_of(exam: Exam) -> tuple[str, ...]:
    """The statement and the key facts of an organism."""
    assert exam.key is not None  # noqa: S101 - something targeted was done
    return exam.key.statement, *exam.key.key_facts


def wrong_truths(exam: Exam, count: int) -> tuple[tuple[str, ...], ...]:
    """Facts of other truths on the same base, drawn by handles alone.

    So every method and every claim meets the same ones. Of them only texts are known, so that each
    sentence counts as a fact.

    Args:
        exam: the truth about an organism, and those beside it.
        count: how many are drawn at most.
    """
    others = sorted(
        (one for one in exam.statements if one.handle != exam.answer), key=lambda one: one.handle
    )
    rng = random.Random(exam.answer)  # noqa: S311 - a reproducible draw
    drawn = rng.sample(others, min(count, len(others)))
    return tuple(tuple(_SENTENCE_END.split(one.text)) for one in drawn)
