"""The tokens that findings put first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffkit import Findings, TokenTable


@dataclass(frozen=True)
class Shown:
    """A token in a method's table."""

    token: str
    """As the method has it."""
    weight: float
    """Its score, as a share of the largest of its table; from 0 to 1."""

    @property
    def key(self) -> str:
        """What tells it from others: white space around it and capitals do not."""
        return self.token.strip().casefold()


def first_tokens(findings: Findings, tables: int, count: int) -> tuple[Shown, ...]:
    """The first ``count`` tokens of each of the first token tables, each token once.

    Args:
        findings: what a method found.
        tables: how many of its token tables are read, in its own order.
        count: rows of each, at most.
    """
    distinct: dict[str, Shown] = {}
    found = [item for item in findings.items if isinstance(item, TokenTable) and item.rows]
    for one in (shown for table in found[:tables] for shown in _shown(table, count)):
        known = distinct.setdefault(one.key, one)
        if one.weight > known.weight:
            distinct[one.key] = one
    return tuple(distinct.values())


def _shown(table: TokenTable, count: int) -> Iterator[Shown]:
    largest = max(row.score for row in table.rows)
    for row in table.rows[:count]:
        yield Shown(row.token, max(row.score / largest, 0.0) if largest > 0 else 0.0)


@dataclass(frozen=True)
class Relevance:
    """How much of some tokens is relevant."""

    share: float
    """Of the tokens, each counted alike."""
    weighted: float
    """Of their weights; the share where none has any."""


def relevance(tokens: Sequence[Shown], relevant: Sequence[bool]) -> Relevance:
    """The relevance of ``tokens``, of which some are relevant; of none it is 0."""
    if not tokens:
        return Relevance(0.0, 0.0)
    share = sum(relevant) / len(tokens)
    total = sum(token.weight for token in tokens)
    if not total:
        return Relevance(share, share)
    told = sum(token.weight for token, is_one in zip(tokens, relevant, strict=True) if is_one)
    return Relevance(share, told / total)
