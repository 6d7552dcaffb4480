"""The rows of a leaderboard that stand in one table, and what its columns are called."""

from dataclasses import dataclass

from diffkit.evaluation.row import Row, Stratum
from diffkit.findings import Series
from diffkit.render import legends, terms
from diffkit.render.courses import courses

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
    """Empty where what is shown hangs on none."""
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
        return {**own, **{terms.name(row): row for row in self.shared}}

    def _alone(self, row: Row) -> str:
        name = terms.name(row)
        common = terms.subject(row) and sum(one.arm == row.arm for one in self.rows) == 1
        return name if row.arm == "method" or common else f"{row.method}: {name}"

    @property
    def subjects(self) -> dict[str, Row]:
        """The rows without controls, by such names."""
        return {name: row for name, row in self.named.items() if terms.subject(row)}

    @property
    def mains(self) -> tuple[Row, ...]:
        """The rows without controls."""
        return tuple(row for row in self.rows if terms.subject(row))

    @property
    def counts(self) -> bool:
        """Whether some attempt at an organism is graded."""
        return any(row.top1.n for row in self.everything)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Fields of rows that some row fills, with their titles."""
        filled = {name for name, _ in _COLUMNS if any(getattr(r, name) for r in self.everything)}
        lineup = filled & {"named", "reciprocal_rank"} or not self.counts
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
    def courses(self) -> Series | None:
        """Budget curves; none where no row has one."""
        return courses(self.named)

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
