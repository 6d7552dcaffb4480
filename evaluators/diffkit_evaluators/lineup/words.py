"""The words of findings, in the order of the method."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest

from diffkit import Finding, Findings, Note, Samples, Table, TokenTable, TokenTrace
from diffkit.statistics import content_words


def first_words(texts: Iterable[str], limit: int) -> tuple[str, ...]:
    """The first ``limit`` distinct content words of ``texts``."""
    distinct = dict.fromkeys(word for text in texts for word in content_words(text))
    return tuple(islice(distinct, limit))


def with_title(findings: Findings, part: str | None) -> Findings:
    """Findings whose title contains ``part``, ignoring case; all if it is none."""
    if part is None:
        return findings
    items = [item for item in findings.items if not isinstance(item, Note)]
    wanted = tuple(item for item in items if part.casefold() in item.title.casefold())
    return findings.model_copy(update={"items": wanted})


def evidence_words(sources: Sequence[Findings], limit: int) -> tuple[str, ...]:
    """The first ``limit`` distinct content words of findings; of several findings in turn.

    Prompts, completions of the base and notes are left out: they say nothing of the finetuning.
    """
    words = [first_words(_all_texts(findings), limit) for findings in sources]
    in_turn = (word for each in zip_longest(*words) for word in each if word)
    return tuple(islice(dict.fromkeys(in_turn), limit))


def _all_texts(findings: Findings) -> Iterator[str]:
    return (text for item in findings.items for text in _texts(item))


def _texts(item: Finding) -> Iterator[str]:
    match item:
        case TokenTable():
            yield from (row.token for row in item.rows)
        case TokenTrace():
            yield from _raised_tokens(item)
        case Samples():
            yield from (row.finetuned for row in item.rows)
        case Table():
            yield from (cell for row in item.rows for cell in row if isinstance(cell, str))
        case _:
            return


def _raised_tokens(trace: TokenTrace) -> Iterator[str]:
    """Tokens that became more probable, at the positions with the largest differences first."""
    scored = [token for token in trace.tokens if token.score is not None]
    for token in sorted(scored, key=lambda token: -(token.score or 0)):
        base = {candidate.token: candidate.probability for candidate in token.base}
        for candidate in token.finetuned:
            if candidate.probability > base.get(candidate.token, 0):
                yield candidate.token
