"""How the rows of a leaderboard are gathered into tables, for both renderers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from diffkit.evaluation.leaderboard import Leaderboard
from diffkit.evaluation.record import Arm, MainArm
from diffkit.evaluation.row import Row, Stratum
from diffkit.findings import Series
from diffkit.render import legends
from diffkit.render.courses import courses

ALIKE: tuple[Arm, ...] = ("combined", "blackbox", "no-evidence", "ceiling")
"""Arms that do not hang on the method, unless a method's pairs differ from the others'."""
_MAIN = get_args(MainArm)
_COLUMNS = (
    ("top1", "top-1"),
    ("named", "named"),
    ("reciprocal_rank", "1/rank"),
    ("none_of_these", "none of these"),
)


@dataclass(frozen=True)
class Section:
    """The rows of one stratum by one investigator and one grader."""

    stratum: Stratum
    investigator: str
    grader: str
    rows: tuple[Row, ...]
    """Methods, each followed by the other arms of its own; then main arms that all share, once."""
    shared: tuple[Row, ...]
    """Controls with the same numbers for every method, once."""

    @property
    def everything(self) -> tuple[Row, ...]:
        """All rows, in the order in which they are shown."""
        return (*self.rows, *self.shared)

    @property
    def mains(self) -> tuple[Row, ...]:
        """The rows without controls."""
        return tuple(row for row in self.rows if row.arm in _MAIN)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Fields of rows that some row fills, with their titles."""
        filled = {name for name, _ in _COLUMNS if any(getattr(r, name) for r in self.everything)}
        lineup = filled & {"named", "reciprocal_rank"} or not any(r.top1.n for r in self.rows)
        return tuple(
            (name, title if name != "top1" or lineup else "score")
            for name, title in _COLUMNS
            if name in filled
        )

    @property
    def wide(self) -> tuple[tuple[str, str], ...]:
        """The same with the truths named by training examples, where a page has room for them."""
        first, *rest = self.columns or (("top1", "top-1"),)
        ahead = [column for column in rest if column[0] == "named"]
        beside = [("named_by_examples", legends.EXAMPLES)] if self.by_examples else []
        return first, *ahead, *beside, *(column for column in rest if column not in ahead)

    @property
    def compared(self) -> tuple[tuple[str, str], ...]:
        """The columns whose differences are known."""
        return tuple(column for column in self.columns if column[0] in ("top1", "named"))

    @property
    def score(self) -> str:
        """What the grader's score is called."""
        return dict(self.columns).get("top1", "score")

    @property
    def parts(self) -> tuple[str, ...]:
        """Other parts of the grades, such as recall."""
        return tuple(sorted({part for row in self.everything for part in row.parts}))

    @property
    def by_examples(self) -> bool:
        """Whether truths were named by training examples too."""
        return any(row.named_by_examples is not None for row in self.everything)

    @property
    def courses(self) -> Series | None:
        """Budget curves; none where no row has one."""
        return courses(self.everything)

    @property
    def asks(self) -> bool:
        """Whether a language model, or a reader that asks the models, is behind the rows.

        Then what attempts cost, how they went and how they differ are shown too.
        """
        return any(row.usage or row.questions or row.repeats > 1 for row in self.everything)

    @property
    def says_otherwise(self) -> bool:
        """Whether the investigator and the test differ about who is targeted."""
        return any(
            (row.says_targeted, row.says_targeted_of_nulls) != (row.detected, row.false_alarms)
            for row in self.mains
            if row.says_targeted
        )


def sections(leaderboard: Leaderboard) -> tuple[Section, ...]:
    """One section for each stratum and reader, all organisms first."""
    groups: dict[tuple[Stratum, str, str], list[Row]] = {}
    for stratum in ("all", "non-lexical"):
        for row in leaderboard.rows:
            if row.stratum == stratum:
                groups.setdefault((stratum, row.investigator, row.grader), []).append(row)
    return tuple(_section(key, rows) for key, rows in groups.items())


def mains(leaderboard: Leaderboard) -> tuple[Row, ...]:
    """The rows over all organisms without controls, by reader."""
    whole = (section for section in sections(leaderboard) if section.stratum == "all")
    return tuple(row for section in whole for row in section.mains)


def _section(key: tuple[Stratum, str, str], rows: Sequence[Row]) -> Section:
    alike = [arm for arm in ALIKE if _same_for_all(arm, rows)]
    first = {row.arm: row for row in reversed(rows)}
    own = [row for row in rows if row.arm not in alike]
    main = [first[arm] for arm in alike if arm in _MAIN]
    return Section(*key, (*own, *main), tuple(first[arm] for arm in alike if arm not in _MAIN))


def _same_for_all(arm: Arm, rows: Sequence[Row]) -> bool:
    found = [row for row in rows if row.arm == arm]
    everywhere = len(found) == len({row.method for row in rows})
    return bool(found) and everywhere and all(_numbers(row) == _numbers(found[0]) for row in found)


def _numbers(row: Row) -> tuple[object, ...]:
    seen = (row.top1, row.reciprocal_rank, row.named, row.none_of_these, row.named_by_examples)
    return *seen, dict(row.parts), row.detected, row.false_alarms
