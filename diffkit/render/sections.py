"""How the rows of a leaderboard are gathered into tables, for both renderers."""

from collections.abc import Sequence
from dataclasses import dataclass

from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.evaluation.record import Arm
from diffkit.evaluation.row import Row, Stratum

ALIKE: tuple[Arm, ...] = ("no-evidence", "ceiling")
"""Controls that do not hang on the method, unless a method's pairs differ from the others'."""


@dataclass(frozen=True)
class Section:
    """The rows of one stratum by one investigator and one grader."""

    stratum: Stratum
    investigator: str
    grader: str
    rows: tuple[Row, ...]
    """Methods, each followed by the controls of its own."""
    shared: tuple[Row, ...]
    """Controls with the same numbers for every method, once."""

    @property
    def methods(self) -> tuple[Row, ...]:
        """The rows without controls."""
        return tuple(row for row in self.rows if row.arm == "method")

    @property
    def by_examples(self) -> bool:
        """Whether truths were named by training examples too."""
        return any(row.named_by_examples is not None for row in (*self.rows, *self.shared))


def sections(leaderboard: Leaderboard) -> tuple[Section, ...]:
    """One section for each stratum and reader, all organisms first."""
    groups: dict[tuple[Stratum, str, str], list[Row]] = {}
    for stratum in ("all", "non-lexical"):
        for row in leaderboard.rows:
            if row.stratum == stratum:
                groups.setdefault((stratum, row.investigator, row.grader), []).append(row)
    return tuple(_section(key, rows) for key, rows in groups.items())


def _section(key: tuple[Stratum, str, str], rows: Sequence[Row]) -> Section:
    shared = [arm for arm in ALIKE if _same_for_all(arm, rows)]
    first = {row.arm: row for row in reversed(rows)}
    own = tuple(row for row in rows if row.arm not in shared)
    return Section(*key, own, tuple(first[arm] for arm in shared))


def _same_for_all(arm: Arm, rows: Sequence[Row]) -> bool:
    found = [row for row in rows if row.arm == arm]
    everywhere = len(found) == sum(row.arm == "method" for row in rows)
    return bool(found) and everywhere and all(_numbers(row) == _numbers(found[0]) for row in found)


def _numbers(row: Row) -> tuple[object, ...]:
    seen = (row.top1, row.reciprocal_rank, row.named, row.none_of_these)
    return (*seen, row.named_by_examples)
