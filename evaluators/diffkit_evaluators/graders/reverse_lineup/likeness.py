"""A pick without a language model: by likeness of words, as in the lineup."""

from collections.abc import Sequence

from diffkit import NONE_OF_THESE, Exam
from diffkit_evaluators.graders.reverse_lineup.picks import Picks
from diffkit_evaluators.lineup.setting import BELOW_TEXTS, Scale, scale, setting
from diffkit_evaluators.lineup.standard import standardised_nulls, threshold


def likest(claim: str, exam: Exam, words: int) -> Picks:
    """The truth that is most like ``claim``; ties share it.

    Likeness is that of the lineup: a cosine of weighted words, held against the null claims. "None
    of these" stands just above what 95 % of the null claims reach with any truth, and below all
    where there are fewer than two.

    Args:
        claim: what the investigator claims.
        exam: the truths, at least one, ordinary texts and null claims.
        words: distinct content words of the claim that are read.
    """
    known = scale(setting(exam.statements, exam.reference), exam.null_claims, words)
    scores = dict(zip(known.setting.handles, known.scores(claim, words).texts, strict=True))
    scores[NONE_OF_THESE] = _none_of_these(known)
    best = max(scores.values())
    first = [choice for choice, score in scores.items() if score == best]
    return Picks(dict.fromkeys(first, 1 / len(first)), _reason(first, exam))


def _reason(first: Sequence[str], exam: Exam) -> str:
    if len(first) > 1:
        return f"{len(first)} choices are as like the claim as each other."
    texts = {one.handle: one.text for one in exam.statements}
    return f"Most alike in words: {texts.get(first[0], 'none of these')}"


def _none_of_these(known: Scale) -> float:
    if len(known.nulls) < 2:
        return BELOW_TEXTS
    return threshold(standardised_nulls(known.nulls).max(axis=1))
