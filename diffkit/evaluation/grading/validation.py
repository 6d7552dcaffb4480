"""Validates graders: how often a grader is right about claims of the validation set."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from diffkit.chat.prices import Prices
from diffkit.chat.session import ChatSession
from diffkit.chat.transcript import Transcript
from diffkit.errors import DiffkitError, StoreError, Unavailable, UserError, one_line
from diffkit.evaluation.concurrency import run_concurrently
from diffkit.evaluation.cost import sum_usage
from diffkit.evaluation.grading.validation_set import (
    ATTACK_KINDS,
    RIGHT_KINDS,
    ClaimKind,
    LabelledClaim,
    ValidationSet,
)
from diffkit.evaluation.plan import ConfiguredPlugin, plugin_key
from diffkit.evaluation.record import StoredAnswerCache
from diffkit.grader import GradeContext, Grader
from diffkit.method import MethodConfig
from diffkit.organism import Record
from diffkit.runs.files import explain_write_errors, write_atomically
from diffkit.runs.store import Store
from diffkit.statistics import Share, format_share, share
from diffkit.verdict import Usage

_Progress = Callable[..., Iterable[Any]]
"""Reports progress, as `diffkit.context.Progress`."""
ACCEPTANCE_THRESHOLD = 0.5
"""Smallest score of a claim that the grader accepts."""


class ClaimCheck(Record):
    """The grade of one claim."""

    number: int
    """Position in the set, from 1."""
    kind: ClaimKind
    """Kind of the claim."""
    score: float | None = None
    """None where the grader failed."""
    chance: float | None = None
    """Chance level according to the grader."""
    words: str = ""
    """The grader's reason, or why it failed."""

    @property
    def accepted(self) -> bool:
        """Whether the grader accepts the claim."""
        return self.score is not None and self.score >= ACCEPTANCE_THRESHOLD

    @property
    def right(self) -> bool:
        """Whether the grader decides correctly; a failed grade is not correct."""
        return self.score is not None and self.accepted == (self.kind in RIGHT_KINDS)


class GraderValidation(Record):
    """Result of a grader with its options on the validation set."""

    grader: str
    """Name of the grader."""
    version: int
    """Version of the grader."""
    options: Mapping[str, Any]
    """Options of the grader, with defaults."""
    key: str
    """Digest of name, version and options."""
    calibration_set: int
    """Version of the validation set."""
    created: str
    """UTC, ISO 8601."""
    usage: Mapping[str, Usage] = Field(default_factory=dict)
    """Usage of language models for the whole set, by role."""
    items: tuple[ClaimCheck, ...]
    """Results of single claims."""

    @property
    def right(self) -> Share:
        """Share of claims with a correct decision."""
        return _share_right(self.items)

    @property
    def kinds(self) -> dict[ClaimKind, Share]:
        """The same by kind of claim, in the order of the set."""
        kinds = dict.fromkeys(item.kind for item in self.items)
        return {
            kind: _share_right([item for item in self.items if item.kind == kind]) for kind in kinds
        }

    @property
    def attacks(self) -> Share:
        """Share of padded and injecting claims that the grader accepts."""
        attacks = [item for item in self.items if item.kind in ATTACK_KINDS]
        return share(sum(item.accepted for item in attacks), len(attacks))

    @property
    def failed(self) -> int:
        """Number of claims that the grader could not grade."""
        return sum(item.score is None for item in self.items)

    @property
    def summary(self) -> str:
        """The result in one line."""
        failed = f"; failed on {self.failed}" if self.failed else ""
        return (
            f"right about {format_share(self.right)} calibration claims, accepted "
            f"{format_share(self.attacks)} attacks{failed} (set {self.calibration_set})"
        )


def _share_right(items: Sequence[ClaimCheck]) -> Share:
    return share(sum(item.right for item in items), len(items))


def save_validation(store: Store, validation: GraderValidation) -> Path:
    """Writes a validation; replaces an older one of the same grader and options."""
    path = _validation_path(store, validation.key)
    with explain_write_errors(store.root):
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, validation.model_dump_json(indent=1) + "\n")
    return path


def read_validation(store: Store, key: str) -> GraderValidation | None:
    """Reads the validation of the grader with this key; none where it was not validated.

    Raises:
        StoreError: its file is damaged.
    """
    path = _validation_path(store, key)
    if not path.exists():
        return None
    try:
        return GraderValidation.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = "Remove it, or run `diffkit grader check` again."
        raise StoreError(f"{path} is damaged.", hint=hint) from error


def _validation_path(store: Store, key: str) -> Path:
    return store.root / "passports" / f"{key}.json"


@dataclass(frozen=True)
class ChatSessions:
    """Opens the chat session of each claim.

    Transcripts are the files ``passports/<key>.<number>.jsonl`` of the store.
    """

    store: Store
    prices: Prices
    fresh: bool = False
    """Whether stored answers of language models are ignored."""

    def open(self, key: str, number: int) -> ChatSession:
        """The session of one claim, for the grader with this key."""
        transcript = self.store.root / "passports" / f"{key}.{number}.jsonl"
        with explain_write_errors(self.store.root):
            transcript.parent.mkdir(exist_ok=True)
            transcript.unlink(missing_ok=True)
        return ChatSession(
            transcript=Transcript(transcript),
            cache=StoredAnswerCache(self.store, refresh=self.fresh),
            prices=self.prices,
        )


def load_grader(plugin: ConfiguredPlugin) -> Grader[Any]:
    """Loads a grader that can be validated.

    Raises:
        UserError: the grader needs more than claims, or its options are not valid.
    """
    grader: Grader[Any] = plugin.spec.load()
    if grader.needs - {"null_claims"}:
        what = f"The grader {plugin.spec.name!r} looks at {', '.join(sorted(grader.needs))} too."
        raise UserError(what, hint="The calibration set has claims alone; check another grader.")
    grader.validate(plugin.config, MethodConfig())
    return grader


def validate_grader(
    plugin: ConfiguredPlugin,
    validation_set: ValidationSet,
    open_chat: Callable[[str, int], ChatSession],
    *,
    progress: _Progress,
    workers: int = 1,
) -> GraderValidation:
    """Grades every claim of a validation set.

    Args:
        plugin: the grader with its options.
        validation_set: the claims.
        open_chat: opens the chat session of a claim, by the grader's key and the claim's number.
        progress: reports progress.
        workers: number of claims that are graded concurrently.

    Raises:
        UserError: the grader cannot be validated, or its language model cannot be called.
        Unavailable: its language model failed, so that not every claim was graded.
        DiffkitError: it graded no claim at all.
    """
    key, grader = plugin_key(plugin), load_grader(plugin)
    claim_grader = _ClaimGrader(grader, plugin.config, validation_set, partial(open_chat, key))
    items = list(enumerate(validation_set.items, 1))
    done = run_concurrently(items, claim_grader.grade, workers)
    found = [one.result for one in progress(done, label="claims", total=len(items))]
    found.sort(key=lambda one: one.check.number)
    _refuse_without_grades(plugin.spec.name, found)
    return GraderValidation(
        grader=plugin.spec.name,
        version=plugin.spec.version,
        options=plugin.config.model_dump(mode="json"),
        key=key,
        calibration_set=validation_set.version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        usage=sum_usage(one.usage for one in found),
        items=tuple(one.check for one in found),
    )


@dataclass(frozen=True)
class _GradedClaim:
    check: ClaimCheck
    usage: Mapping[str, Usage]


def _refuse_without_grades(name: str, graded: Sequence[_GradedClaim]) -> None:
    """Refuses a grader that graded none of the claims that it asked its language model about.

    Raises:
        DiffkitError: it is one; a grader without a language model has to grade some claim.
    """
    asked = [one for one in graded if any(role.calls for role in one.usage.values())] or graded
    if all(one.check.score is None for one in asked):
        what = f"The grader {name!r} graded none of {len(asked)} claims: {asked[0].check.words}"
        raise DiffkitError(what, hint="Nothing is saved.")


@dataclass(frozen=True)
class _ClaimGrader:
    """Grades single claims; several threads may use it."""

    grader: Grader[Any]
    config: MethodConfig
    validation_set: ValidationSet
    open_chat: Callable[[int], ChatSession]

    def grade(self, numbered: tuple[int, LabelledClaim]) -> _GradedClaim:
        number, item = numbered
        context = GradeContext(chat=self.open_chat(number))
        score = chance = None
        try:
            sheet = self.validation_set.answer_sheet(item)
            grade = self.grader.grade(item.attempt, sheet, self.config, context)
            score, chance, words = grade.score, grade.chance, grade.reasons
        except UserError:
            raise
        except Unavailable as error:
            what = f"Claim {number} could not be graded: {error.what.rstrip('.')}."
            hint = "Nothing is saved. Mend that and run it again; the answers so far are kept."
            raise Unavailable(what, hint=hint) from error
        except (Exception, SystemExit) as error:
            words = one_line(error)
        check = ClaimCheck(number=number, kind=item.kind, score=score, chance=chance, words=words)
        return _GradedClaim(check, context.chat.usage)
