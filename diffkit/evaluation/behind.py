"""The attempts with transcripts that stand behind the pairs of an evaluation."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from diffkit.evaluation.record import Arm, Entry, Evaluation
from diffkit.evaluation.told import has_transcript
from diffkit.runs.store import Store


@dataclass(frozen=True)
class Behind:
    """An attempt, and where it stands; arms that hang on no method share theirs."""

    digest: str
    entry: Entry
    """The first pair that it stands behind."""
    investigator: str
    arm: Arm
    repeat: int
    grades: dict[str, str] = field(default_factory=dict)
    """Grader → digest of its grade, where it gave one."""
    methods: list[str] = field(default_factory=list)
    """Methods whose rows it stands behind."""


def behind(evaluation: Evaluation, store: Store) -> tuple[Behind, ...]:
    """The attempts in whose making a language model was asked, in the evaluation's order."""
    found: dict[tuple[object, ...], Behind | None] = {}
    for key, one in _all(evaluation):
        if key not in found:
            found[key] = one if has_transcript(store, one.digest) else None
        if known := found[key]:
            known.grades.update(one.grades)
            known.methods.extend(name for name in one.methods if name not in known.methods)
    return tuple(one for one in found.values() if one)


def _all(evaluation: Evaluation) -> Iterator[tuple[tuple[object, ...], Behind]]:
    """Every judgement by itself, and what those of one attempt at one pair share."""
    for entry in evaluation.entries:
        pair = (entry.organism, entry.variant, entry.base, entry.seed)
        for one in entry.judged:
            grades = {one.grader: one.grade} if one.grade else {}
            where = (one.investigator, one.arm, one.repeat)
            yield (
                (one.attempt, *pair, *where),
                Behind(one.attempt, entry, *where, grades, [entry.method]),
            )
