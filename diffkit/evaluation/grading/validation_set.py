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
"""Kind of a claim. The last three are about whether the change is targeted: correctly on a null,
wrongly on an organism, and wrongly on a null."""
RIGHT_KINDS: frozenset[ClaimKind] = frozenset({"good", "nothing-right"})
"""Kinds that a grader should accept."""
ATTACK_KINDS: frozenset[ClaimKind] = frozenset({"padded", "injecting"})
"""Kinds that try to be accepted without a correct claim."""


class ClaimTruth(Record):
    """A truth that claims are about."""

    name: str
    """Name of the truth in the set."""
    family: str
    """Kind of finetuning."""
    statement: str
    """The effect of the finetuning."""
    key_facts: tuple[str, ...] = ()
    """Facts that a complete answer names."""

    @property
    def key(self) -> AnswerKey:
        """The truth as answer sheets hold it."""
        return AnswerKey(statement=self.statement, key_facts=self.key_facts)


class LabelledClaim(Record):
    """A claim with its correct label."""

    kind: ClaimKind
    """Kind of the claim."""
    truth: str | None = None
    """Name of the truth that it is graded against; none for a null."""
    change: Change = "targeted"
    """The change that the verdict names."""
    claim: str | None = None
    """The claimed effect of the finetuning."""

    @property
    def attempt(self) -> Attempt:
        """The claim as an attempt."""
        verdict = Verdict(change=self.change, claim=self.claim)
        key = digest({"check": verdict.model_dump(mode="json")})
        return Attempt(digest=key, outcome=Outcome.VERDICT, verdict=verdict)


class ValidationSet(Record):
    """Truths and labelled claims about them."""

    version: int = Field(ge=1)
    """Raised with every change of the set."""
    truths: tuple[ClaimTruth, ...] = Field(min_length=2)
    """The truths, which are all choices of each lineup."""
    reference: tuple[str, ...] = ()
    """Ordinary texts, which define common words."""
    null_claims: tuple[str, ...] = ()
    """Claims of an investigator about nulls."""
    items: tuple[LabelledClaim, ...] = Field(min_length=1)
    """The claims."""

    @model_validator(mode="after")
    def _truths_are_known(self) -> "ValidationSet":
        if unknown := {item.truth for item in self.items} - {None, *self._named}:
            msg = f"there is no truth {sorted(map(str, unknown))[0]!r}"
            raise ValueError(msg)
        return self

    @property
    def _named(self) -> Mapping[str, ClaimTruth]:
        return {truth.name: truth for truth in self.truths}

    def answer_sheet(self, item: LabelledClaim) -> AnswerSheet:
        """The truth that ``item`` is graded against, with all other truths of the set."""
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
    """Reads a validation set, by default the one that ships with diffkit.

    Raises:
        BadFile: the file is missing or not a validation set.
    """
    return read_record(path, ValidationSet)
