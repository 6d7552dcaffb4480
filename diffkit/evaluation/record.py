"""What an evaluation leaves in the store: which organism stands for which run, attempt and grade.

Only here do names meet digests, so renaming an organism changes no digest.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from diffkit.errors import StoreError, UserError, did_you_mean
from diffkit.organism import Record, TruthClass
from diffkit.runs.files import explain_write_errors, write_atomically
from diffkit.runs.store import Store
from diffkit.verdict import Detection

ControlArm = Literal["no-evidence", "base-only", "evidence-swap", "random", "ceiling"]
"""What an investigator is given in the place of what a method found, to see what it does with
that."""
MainArm = Literal["method", "combined", "blackbox"]
"""What an investigator is given to find out what was done: one method's findings, those of all
methods of the suite, or questions alone."""
Arm = Literal[MainArm, ControlArm]
"""What an investigator is given."""


class GuessScore(Record):
    """What a guess on the way was worth."""

    questions: int
    """Questions put to the models by then."""
    score: float


class GradedAttemptRef(Record):
    """An attempt and its grade, by one investigator and one grader."""

    investigator: str
    grader: str
    arm: Arm = "method"
    """What the investigator was given."""
    repeat: int = 0
    """Number of the repeat, from 0."""
    attempt: str
    """Digest of the attempt."""
    grade: str
    """Digest of the grade; empty where the grader failed."""
    error: str = ""
    """Why it did."""
    detection: Detection | None = None
    """The test of the verdict against those on calibration nulls: of a change score, or of
    ``p_targeted``."""
    curve: tuple[GuessScore, ...] = ()
    """What its guesses on the way were worth; empty for graders that ask language models."""


class EvaluationEntry(Record):
    """One pair under one method and seed."""

    organism: str
    family: str
    truth: TruthClass
    answer: str = ""
    """Handle of the right statement; empty where nothing targeted was done."""
    lexical: bool = True
    """Whether the behaviour shows in particular words."""
    base: str
    variant: str
    role: Literal["test", "calibration"]
    method: str
    seed: int
    run: str
    """Digest of the run; empty where it has none because a model cannot be used."""
    from_table: bool = False
    """Whether its score and claims come from a calibration table, so that the run was not made."""
    error: str = ""
    """Why the run failed, where it did."""
    judged: tuple[GradedAttemptRef, ...] = ()


class Evaluation(Record):
    """One expanded and finished suite."""

    name: str
    created: str
    """UTC, ISO 8601."""
    texts: tuple[str, ...]
    """Digests of the texts that were read, one per base."""
    calibration: tuple[str, ...] = ()
    """Rungs that methods were calibrated on."""
    graders: Mapping[str, str] = Field(default_factory=dict)
    """Grader → digest of its name, version and options, by which its passport is found."""
    notes: tuple[str, ...] = ()
    """What a reader must know: organisms that are inert or untested, nulls from tables."""
    entries: tuple[EvaluationEntry, ...]

    def save(self, store: Store) -> Path:
        """Writes it into ``store``, over an older one of the same name."""
        path = store.root / "evaluations" / f"{self.name}.json"
        with explain_write_errors(store.root):
            path.parent.mkdir(exist_ok=True)
            write_atomically(path, self.model_dump_json(indent=1) + "\n")
        return path


def read_evaluation(store: Store, name: str | None = None) -> Evaluation:
    """The evaluation ``name`` of a store, or its latest.

    Raises:
        UserError: there is none.
        StoreError: its file is damaged.
    """
    paths = sorted(
        (store.root / "evaluations").glob("*.json"), key=lambda path: path.stat().st_mtime
    )
    chosen = [path for path in paths if name in (None, path.stem)]
    if not chosen:
        near = did_you_mean(name, (path.stem for path in paths)) if name else ""
        known = ", ".join(path.stem for path in paths) or "none"
        what = f"The store {store.root} holds no evaluation{f' {name!r}' if name else ''}."
        hint = f"It has: {known}. Make one with `diffkit evaluate`."
        raise UserError(what, hint=f"{near} {hint}".strip())
    try:
        return Evaluation.model_validate_json(chosen[-1].read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = "Run `diffkit evaluate` again; finished runs are kept."
        raise StoreError(f"{chosen[-1]} is damaged.", hint=hint) from error
