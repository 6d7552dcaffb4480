"""The attempts that stand behind the pairs of an evaluation, each once at each pair."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from diffkit.evaluation.record import Arm, Entry, Evaluation, Judged

SHARED: tuple[Arm, ...] = ("combined", "blackbox", "no-evidence")
"""Arms that hang on no method, so that the rows of all methods share their attempts."""


@dataclass(frozen=True)
class Behind:
    """An attempt at a pair, with what each grader made of it."""

    entry: Entry
    """The pair; of attempts that methods share, under the first of them."""
    judged: list[Judged] = field(default_factory=list)
    """By each grader."""
    methods: list[str] = field(default_factory=list)
    """Methods whose rows it stands behind."""

    @property
    def first(self) -> Judged:
        """The first of the judgements: they agree in all but what graders say."""
        return self.judged[0]

    @property
    def digest(self) -> str:
        """Of the attempt."""
        return self.first.attempt


def behind(evaluation: Evaluation) -> tuple[Behind, ...]:
    """All attempts, in the evaluation's order."""
    found: dict[tuple[object, ...], Behind] = {}
    for entry, judged in _all(evaluation):
        pair = (entry.organism, entry.variant, entry.base, entry.seed)
        method = "" if judged.arm in SHARED else entry.method
        where = (judged.investigator, judged.arm, judged.repeat, judged.attempt)
        one = found.setdefault((*pair, method, *where), Behind(entry))
        if judged.grader not in {known.grader for known in one.judged}:
            one.judged.append(judged)
        if entry.method not in one.methods:
            one.methods.append(entry.method)
    return tuple(found.values())


def _all(evaluation: Evaluation) -> Iterator[tuple[Entry, Judged]]:
    for entry in evaluation.entries:
        for judged in entry.judged:
            yield entry, judged
