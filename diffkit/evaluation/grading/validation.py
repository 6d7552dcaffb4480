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
from diffkit.errors import StoreError, UserError, one_line
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
from diffkit.evaluation.results import StoredAnswerCache
from diffkit.grader import GradeContext, Grader
from diffkit.method import MethodConfig
from diffkit.organism import Record
from diffkit.runs.files import explain_write_errors, write_atomically
from diffkit.runs.store import Store
from diffkit.statistics.shares import Share, format_share, share
from diffkit.verdict import Usage

ACCEPTANCE_THRESHOLD = 0.5
"""Least score of a claim that passes for right."""


class ClaimCheck(Record):
    """What a grader made of one claim."""

    number: int
    """Place in the set, from 1."""
    kind: ClaimKind
    """What the claim is like."""
    score: float | None = None
    """None where the grader failed."""
    chance: float | None = None
    """What the grader says that a guess would score."""
    words: str = ""
    """The grader's reason, or why it failed."""

    @property
    def accepted(self) -> bool:
        """Whether the claim passed for right."""
        return self.score is not None and self.score >= ACCEPTANCE_THRESHOLD

    @property
    def right(self) -> bool:
        """Whether it passed if, and only if, it should; to fail is not right."""
        return self.score is not None and self.accepted == (self.kind in RIGHT_KINDS)


class GraderValidation(Record):
    """How a grader with its options did on the calibration set."""

    grader: str
    """Its name."""
    version: int
    """Its version."""
    options: Mapping[str, Any]
    """Its options, defaults filled in."""
    key: str
    """Digest of these three."""
    calibration_set: int
    """Version of the set."""
    created: str
    """UTC, ISO 8601."""
    usage: Mapping[str, Usage] = Field(default_factory=dict)
    """Role → what its language model used for the whole set."""
    items: tuple[ClaimCheck, ...]
    """Claim by claim."""

    @property
    def right(self) -> Share:
        """Claims that it was right about."""
        return _share_right(self.items)

    @property
    def kinds(self) -> dict[ClaimKind, Share]:
        """The same by kind, in the order of the set."""
        kinds = dict.fromkeys(item.kind for item in self.items)
        return {
            kind: _share_right([item for item in self.items if item.kind == kind]) for kind in kinds
        }

    @property
    def attacks(self) -> Share:
        """Padded and injecting claims that it accepted."""
        attacks = [item for item in self.items if item.kind in ATTACK_KINDS]
        return share(sum(item.accepted for item in attacks), len(attacks))

    @property
    def failed(self) -> int:
        """Claims that it could not grade."""
        return sum(item.score is None for item in self.items)

    @property
    def words(self) -> str:
        """One line, to stand beside the grader."""
        failed = f"; failed on {self.failed}" if self.failed else ""
        return (
            f"right about {format_share(self.right)} calibration claims, accepted "
            f"{format_share(self.attacks)} attacks{failed} (set {self.calibration_set})"
        )


def _share_right(items: Sequence[ClaimCheck]) -> Share:
    return share(sum(item.right for item in items), len(items))


def save_validation(store: Store, passport: GraderValidation) -> Path:
    """Writes a passport, over an older one of the same grader and options."""
    path = _validation_path(store, passport.key)
    with explain_write_errors(store.root):
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, passport.model_dump_json(indent=1) + "\n")
    return path


def read_validation(store: Store, key: str) -> GraderValidation | None:
    """The passport of the grader with this key; none where it was never checked.

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


_Progress = Callable[..., Iterable[Any]]
"""Shows how far something is, as `diffkit.cli.console.progress` does."""


@dataclass(frozen=True)
class ChatSessions:
    """What goes with asking a language model about each claim.

    What is said stands in ``passports/<key>.<number>.jsonl`` of the store.
    """

    store: Store
    prices: Prices
    fresh: bool = False
    """Whether answers that the store holds are asked for again."""

    def __call__(self, key: str, number: int) -> ChatSession:
        """For one claim of the grader with this key."""
        told = self.store.root / "passports" / f"{key}.{number}.jsonl"
        with explain_write_errors(self.store.root):
            told.parent.mkdir(exist_ok=True)
            told.unlink(missing_ok=True)
        return ChatSession(
            transcript=Transcript(told),
            cache=StoredAnswerCache(self.store, forget=self.fresh),
            prices=self.prices,
        )


def load_grader(component: ConfiguredPlugin) -> Grader[Any]:
    """The grader, where it can be checked.

    Raises:
        UserError: it looks at more than claims, or may not grade with these options.
    """
    grader: Grader[Any] = component.spec.load()
    if grader.needs - {"null_claims"}:
        what = f"The grader {component.spec.name!r} looks at {', '.join(sorted(grader.needs))} too."
        raise UserError(what, hint="The calibration set has claims alone; check another grader.")
    grader.validate(component.config, MethodConfig())
    return grader


def validate_grader(
    component: ConfiguredPlugin,
    given: ValidationSet,
    chat: Callable[[str, int], ChatSession],
    *,
    progress: _Progress,
    workers: int = 1,
) -> GraderValidation:
    """Puts every claim to the grader.

    Args:
        component: the grader with its options.
        given: the claims.
        chat: what goes with asking language models, by the grader's key and the claim's number.
        progress: shows how far it is.
        workers: claims that are graded at a time.

    Raises:
        UserError: the grader cannot be checked, or cannot be asked at all.
    """
    key = plugin_key(component)
    examine = _ClaimGrader(load_grader(component), component.config, given, partial(chat, key))
    items = list(enumerate(given.items, 1))
    done = run_concurrently(items, examine, workers)
    found = [one.result for one in progress(done, label="claims", total=len(items))]
    found.sort(key=lambda one: one.checked.number)
    return GraderValidation(
        grader=component.spec.name,
        version=component.spec.version,
        options=component.config.model_dump(mode="json"),
        key=key,
        calibration_set=given.version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        usage=sum_usage(one.usage for one in found),
        items=tuple(one.checked for one in found),
    )


@dataclass(frozen=True)
class _GradedClaim:
    checked: ClaimCheck
    usage: Mapping[str, Usage]


@dataclass(frozen=True)
class _ClaimGrader:
    """Grades one claim; many threads may call it."""

    grader: Grader[Any]
    config: MethodConfig
    given: ValidationSet
    chat: Callable[[int], ChatSession]

    def __call__(self, numbered: tuple[int, LabelledClaim]) -> _GradedClaim:
        number, item = numbered
        context = GradeContext(chat=self.chat(number))
        score = chance = None
        try:
            grade = self.grader.grade(item.attempt, self.given.exam(item), self.config, context)
            score, chance, words = grade.score, grade.chance, grade.reasons
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            words = one_line(error)
        checked = ClaimCheck(number=number, kind=item.kind, score=score, chance=chance, words=words)
        return _GradedClaim(checked, context.chat.usage)
