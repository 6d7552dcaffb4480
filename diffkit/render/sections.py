"""The rows of a leaderboard grouped into tables, with their column titles."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from diffkit.evaluation.leaderboard.cases import SHARED_ATTEMPTS
from diffkit.evaluation.leaderboard.schema import Leaderboard, Row, Stratum
from diffkit.evaluation.record import Arm, MainArm
from diffkit.findings import Series
from diffkit.render import labels
from diffkit.render.budget_curves import budget_curve_series

_SCORE_COLUMNS = (
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
    """Empty if what is shown does not depend on a grader."""
    rows: tuple[Row, ...]
    """Methods, each followed by the other arms of its own; then main arms that all share, once."""
    shared: tuple[Row, ...]
    """Controls with the same numbers for every method, once."""

    @property
    def readers(self) -> str:
        """Who read, and who graded where that is one."""
        graded = f", graded by {self.grader}" if self.grader else ""
        return f"read by {self.investigator}{graded}"

    @property
    def everything(self) -> tuple[Row, ...]:
        """All rows, in the order in which they are shown."""
        return (*self.rows, *self.shared)

    @property
    def named(self) -> dict[str, Row]:
        """All rows by a name that stands alone: that of a method's own arm holds the method."""
        own = {self._alone(row): row for row in self.rows}
        return {**own, **{labels.name(row): row for row in self.shared}}

    def _alone(self, row: Row) -> str:
        name = labels.name(row)
        common = labels.subject(row) and sum(one.arm == row.arm for one in self.rows) == 1
        return name if row.arm == "method" or common else f"{row.method}: {name}"

    @property
    def subjects(self) -> dict[str, Row]:
        """The rows without controls, by such names."""
        return {name: row for name, row in self.named.items() if labels.subject(row)}

    @property
    def mains(self) -> tuple[Row, ...]:
        """The rows without controls."""
        return tuple(row for row in self.rows if labels.subject(row))

    @property
    def counts(self) -> bool:
        """Whether some attempt at an organism is graded."""
        return any(row.top1.n for row in self.everything)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Fields of rows that some row fills, with their titles."""
        filled = {
            name for name, _ in _SCORE_COLUMNS if any(getattr(r, name) for r in self.everything)
        }
        lineup = filled & {"named", "reciprocal_rank"} or not self.counts
        return tuple(
            (name, title if name != "top1" or lineup else "score")
            for name, title in _SCORE_COLUMNS
            if name in filled
        )

    @property
    def wide(self) -> tuple[tuple[str, str], ...]:
        """The same with the truths named by training examples, where a page has room for them."""
        first, *rest = self.columns or (("top1", "top-1"),)
        ahead = [column for column in rest if column[0] == "named"]
        beside = [("named_by_examples", labels.NAMED_BY_EXAMPLES)] if self.by_examples else []
        return first, *ahead, *beside, *(column for column in rest if column not in ahead)

    @property
    def compared(self) -> tuple[tuple[str, str], ...]:
        """The columns whose differences are known."""
        return tuple(column for column in self.columns if column[0] in ("top1", "named"))

    @property
    def detected(self) -> str:
        """What the column of the test is called: with its level where readers may say otherwise."""
        levels = [row.alpha for row in self.mains if row.alpha]
        return f"detected at {levels[0]:g}" if levels and self.asks else "detected"

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
    def budget_curves(self) -> Series | None:
        """Budget curves; none where no row has one."""
        return budget_curve_series(self.named)

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


_MAIN_ARMS = get_args(MainArm)


def sections(leaderboard: Leaderboard) -> tuple[Section, ...]:
    """One section for each stratum and investigator, all organisms first.

    A stratum of a single truth has none: nothing can be concluded from it.
    """
    groups: dict[tuple[Stratum, str, str], list[Row]] = {}
    for stratum in ("all", "non-lexical"):
        for row in leaderboard.rows:
            if row.stratum == stratum:
                groups.setdefault((stratum, row.investigator, row.grader), []).append(row)
    return tuple(
        _section(key, rows)
        for key, rows in groups.items()
        if key[0] == "all" or max(map(_units, rows)) != 1
    )


def _units(row: Row) -> int:
    return max(row.top1.n, row.detected.n if row.detected else 0)


def graded_sections(leaderboard: Leaderboard) -> tuple[Section, ...]:
    """The sections that say truths found: not those of a grader that failed at every attempt."""
    scored = [pair for pair in leaderboard.pairs if pair.score is not None]
    readers = {(pair.investigator, pair.grader) for pair in scored}
    return tuple(
        section
        for section in sections(leaderboard)
        if (section.investigator, section.grader) in readers or section.counts
    )


def main_rows(leaderboard: Leaderboard) -> tuple[Row, ...]:
    """The rows over all organisms without controls, by reader."""
    whole = (section for section in sections(leaderboard) if section.stratum == "all")
    return tuple(row for section in whole for row in section.mains)


def detection_sections(parts: Sequence[Section]) -> tuple[Section, ...]:
    """The sections whose detection is shown: it depends on the investigator, so one of each.

    Graders of findings have no rows for some arms; the section with most rows is taken. Where it
    stands for several, it names no grader.
    """
    groups: dict[tuple[Stratum, str], list[Section]] = {}
    for part in parts:
        groups.setdefault((part.stratum, part.investigator), []).append(part)
    fullest = (max(group, key=lambda one: len(one.subjects)) for group in groups.values())
    return tuple(
        replace(one, grader="") if len(group) > 1 else one
        for one, group in zip(fullest, groups.values(), strict=True)
    )


def _section(key: tuple[Stratum, str, str], rows: Sequence[Row]) -> Section:
    # a ceiling may be scored alike, and the pairs of methods may differ
    alike = [arm for arm in SHARED_ATTEMPTS if _same_for_all(arm, rows)]
    first = {row.arm: row for row in reversed(rows)}
    own = [row for row in rows if row.arm not in alike]
    main = [first[arm] for arm in alike if arm in _MAIN_ARMS]
    return Section(*key, (*own, *main), tuple(first[arm] for arm in alike if arm not in _MAIN_ARMS))


def _same_for_all(arm: Arm, rows: Sequence[Row]) -> bool:
    found = [row for row in rows if row.arm == arm]
    everywhere = len(found) == len({row.method for row in rows})
    return bool(found) and everywhere and all(_scores(row) == _scores(found[0]) for row in found)


def _scores(row: Row) -> tuple[object, ...]:
    seen = (row.top1, row.reciprocal_rank, row.named, row.none_of_these, row.named_by_examples)
    return *seen, dict(row.parts), row.detected, row.false_alarms
