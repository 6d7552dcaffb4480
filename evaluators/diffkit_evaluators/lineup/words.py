"""The words of findings, in the method's own order."""

import re
from collections.abc import Iterator

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from diffkit import Finding, Findings, Samples, Table, TokenTable, TokenTrace

WORD = re.compile(r"[^\W_]{2,}")


def evidence_words(findings: Findings, limit: int) -> tuple[str, ...]:
    """The first ``limit`` distinct content words, casefolded.

    What both sides were given or what the base said is no evidence of the finetuning: prompts, base
    completions and notes are left out, and so are stop words.
    """
    seen: dict[str, None] = {}
    for item in findings.items:
        for text in _texts(item):
            for word in WORD.findall(text.casefold()):
                if word not in ENGLISH_STOP_WORDS:
                    seen.setdefault(word)
                if len(seen) == limit:
                    return tuple(seen)
    return tuple(seen)


def _texts(item: Finding) -> Iterator[str]:
    match item:
        case TokenTable():
            yield from (row.token for row in item.rows)
        case TokenTrace():
            yield from _raised(item)
        case Samples():
            yield from (row.finetuned for row in item.rows)
        case Table():
            yield from (cell for row in item.rows for cell in row if isinstance(cell, str))
        case _:
            return


def _raised(trace: TokenTrace) -> Iterator[str]:
    """What the finetuned side expected where the sides differ, the largest difference first."""
    scored = [token for token in trace.tokens if token.score is not None]
    for token in sorted(scored, key=lambda token: -(token.score or 0)):
        base = {candidate.token: candidate.probability for candidate in token.base}
        for candidate in token.finetuned:
            if candidate.probability > base.get(candidate.token, 0):
                yield candidate.token
