"""The words of findings, in the method's own order."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, zip_longest

from diffkit import Finding, Findings, Note, Samples, Table, TokenTable, TokenTrace
from diffkit.statistics import content_words


def first_words(texts: Iterable[str], limit: int) -> tuple[str, ...]:
    """The first ``limit`` distinct content words of ``texts``."""
    distinct = dict.fromkeys(word for text in texts for word in content_words(text))
    return tuple(islice(distinct, limit))


def with_title(findings: Findings, part: str | None) -> Findings:
    """The findings whose title has ``part`` in it, in any case; all where it is none."""
    if part is None:
        return findings
    items = [item for item in findings.items if not isinstance(item, Note)]
    wanted = tuple(item for item in items if part.casefold() in item.title.casefold())
    return findings.model_copy(update={"items": wanted})


def evidence_words(sources: Sequence[Findings], limit: int) -> tuple[str, ...]:
    """The first ``limit`` distinct content words of findings, those of several in turn.

    What both sides were given or what the base said is no evidence of the finetuning: prompts, base
    completions and notes are left out.
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
    """What the finetuned side expected where the sides differ, the largest difference first."""
    scored = [token for token in trace.tokens if token.score is not None]
    for token in sorted(scored, key=lambda token: -(token.score or 0)):
        base = {candidate.token: candidate.probability for candidate in token.base}
        for candidate in token.finetuned:
            if candidate.probability > base.get(candidate.token, 0):
                yield candidate.token
