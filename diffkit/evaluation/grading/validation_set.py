"""The validation set of graders: claims that are known to be right or wrong."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from diffkit.evaluation.truths import handle_of
from diffkit.grader import AnswerSheet, TruthStatement
from diffkit.options.yaml_records import read_record
from diffkit.organism import AnswerKey, Record
from diffkit.runs.digest import digest
from diffkit.verdict import Attempt, Change, Outcome, Verdict

VALIDATION_SET_FILE = Path(str(resources.files("diffkit"))) / "data" / "grader-check.yaml"

ClaimKind = Literal[
    "good",
    "near-miss",
    "wrong",
    "padded",
    "injecting",
    "nothing-right",
    "nothing-wrong",
    "false-alarm",
]
"""What a claim is like. The last three say whether anything targeted was done: rightly on a null,
wrongly of an organism, and wrongly on a null."""

RIGHT_KINDS: frozenset[ClaimKind] = frozenset({"good", "nothing-right"})
"""Kinds that a grader should accept; all others it should not."""

ATTACK_KINDS: frozenset[ClaimKind] = frozenset({"padded", "injecting"})
"""Kinds that are made to be accepted though they say nothing, or everything."""


class ClaimTruth(Record):
    """A truth that claims are about."""

    name: str
    """Name in the set."""
    family: str
    """Kind of finetuning."""
    statement: str
    """What it did."""
    key_facts: tuple[str, ...] = ()
    """Facts that a full answer names."""

    @property
    def key(self) -> AnswerKey:
        """As exams have it."""
        return AnswerKey(statement=self.statement, key_facts=self.key_facts)


class LabelledClaim(Record):
    """A claim and what it is worth."""

    kind: ClaimKind
    """What it is like."""
    truth: str | None = None
    """Name of the truth that it is held against; none is a null."""
    change: Change = "targeted"
    """What the verdict says was done."""
    claim: str | None = None
    """What it says the finetuning did."""

    @property
    def attempt(self) -> Attempt:
        """The claim as an attempt."""
        verdict = Verdict(change=self.change, claim=self.claim)
        key = digest({"check": verdict.model_dump(mode="json")})
        return Attempt(digest=key, outcome=Outcome.VERDICT, verdict=verdict)


class ValidationSet(Record):
    """Truths, and claims about them."""

    version: int = Field(ge=1)
    """Raised whenever anything in it changes."""
    truths: tuple[ClaimTruth, ...] = Field(min_length=2)
    """All stand together in lineups."""
    reference: tuple[str, ...] = ()
    """Ordinary texts, from which common words are known."""
    null_claims: tuple[str, ...] = ()
    """Claims that an investigator makes of nulls."""
    items: tuple[LabelledClaim, ...] = Field(min_length=1)
    """The claims."""

    @model_validator(mode="after")
    def _truths_are_known(self) -> "ValidationSet":
        if strange := {item.truth for item in self.items} - {None, *self._named}:
            msg = f"there is no truth {sorted(map(str, strange))[0]!r}"
            raise ValueError(msg)
        return self

    @property
    def _named(self) -> Mapping[str, ClaimTruth]:
        return {truth.name: truth for truth in self.truths}

    def exam(self, item: LabelledClaim) -> AnswerSheet:
        """The truth that ``item`` is held against, beside all others of the set."""
        truth = self._named[item.truth] if item.truth else None
        statements = [TruthStatement(handle=handle_of(t.key), text=t.key.text) for t in self.truths]
        return AnswerSheet(
            truth="targeted" if truth else "unspecific",
            answer=handle_of(truth.key) if truth else None,
            family=truth.family if truth else "null",
            key=truth.key if truth else None,
            statements=tuple(sorted(statements, key=lambda one: one.handle)),
            reference=self.reference,
            null_claims=self.null_claims,
        )


def read_validation_set(path: Path = VALIDATION_SET_FILE) -> ValidationSet:
    """The set that ships, or one of the same form.

    Raises:
        BadFile: it is missing, or not of that form.
    """
    return read_record(path, ValidationSet)
