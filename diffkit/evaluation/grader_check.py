"""Puts the calibration set to a grader."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from diffkit.errors import UserError, reason_of
from diffkit.evaluation.calibration_set import CalibrationSet, CheckItem
from diffkit.evaluation.component import component_key
from diffkit.evaluation.passport import Checked, Passport
from diffkit.evaluation.plan import Component
from diffkit.evaluation.remembered import Remembered
from diffkit.evaluation.together import together
from diffkit.evaluation.workers import concurrently
from diffkit.grader import GradeContext, Grader
from diffkit.method import MethodConfig
from diffkit.prices import Prices
from diffkit.runs.files import writing
from diffkit.runs.store import Store
from diffkit.talk import Talk
from diffkit.transcript import Transcript
from diffkit.verdict import Usage

Progress = Callable[..., Iterable[Any]]
"""Shows how far something is, as `diffkit.cli.console.progress` does."""


@dataclass(frozen=True)
class Talks:
    """What goes with asking a language model about each claim.

    What is said stands in ``passports/<key>.<number>.jsonl`` of the store.
    """

    store: Store
    prices: Prices
    fresh: bool = False
    """Whether answers that the store holds are asked for again."""

    def __call__(self, key: str, number: int) -> Talk:
        """For one claim of the grader with this key."""
        told = self.store.root / "passports" / f"{key}.{number}.jsonl"
        with writing(self.store.root):
            told.parent.mkdir(exist_ok=True)
            told.unlink(missing_ok=True)
        return Talk(
            transcript=Transcript(told),
            memory=Remembered(self.store, forget=self.fresh),
            prices=self.prices,
        )


def loaded(component: Component) -> Grader[Any]:
    """The grader, where it can be checked.

    Raises:
        UserError: it looks at more than claims, or may not grade with these options.
    """
    grader: Grader[Any] = component.spec.load()
    if grader.needs - {"null_claims"}:
        what = f"The grader {component.spec.name!r} looks at {', '.join(sorted(grader.needs))} too."
        raise UserError(what, cure="The calibration set has claims alone; check another grader.")
    grader.check(component.config, MethodConfig())
    return grader


def make_passport(
    component: Component,
    given: CalibrationSet,
    talk: Callable[[str, int], Talk],
    *,
    progress: Progress,
    workers: int = 1,
) -> Passport:
    """Puts every claim to the grader.

    Args:
        component: the grader with its options.
        given: the claims.
        talk: what goes with asking language models, by the grader's key and the claim's number.
        progress: shows how far it is.
        workers: claims that are graded at a time.

    Raises:
        UserError: the grader cannot be checked, or cannot be asked at all.
    """
    key = component_key(component)
    examine = _Examine(loaded(component), component.config, given, partial(talk, key))
    items = list(enumerate(given.items, 1))
    done = concurrently(items, examine, workers)
    found = [one.result for one in progress(done, label="claims", total=len(items))]
    found.sort(key=lambda one: one.checked.number)
    return Passport(
        grader=component.spec.name,
        version=component.spec.version,
        options=component.config.model_dump(mode="json"),
        key=key,
        calibration_set=given.version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        usage=together(one.usage for one in found),
        items=tuple(one.checked for one in found),
    )


@dataclass(frozen=True)
class _Examined:
    checked: Checked
    usage: Mapping[str, Usage]


@dataclass(frozen=True)
class _Examine:
    """Grades one claim; many threads may call it."""

    grader: Grader[Any]
    config: MethodConfig
    given: CalibrationSet
    talk: Callable[[int], Talk]

    def __call__(self, numbered: tuple[int, CheckItem]) -> _Examined:
        number, item = numbered
        context = GradeContext(talk=self.talk(number))
        score = chance = None
        try:
            grade = self.grader.grade(item.attempt, self.given.exam(item), self.config, context)
            score, chance, words = grade.score, grade.chance, grade.reasons
        except UserError:
            raise
        except (Exception, SystemExit) as error:
            words = reason_of(error)
        checked = Checked(number=number, kind=item.kind, score=score, chance=chance, words=words)
        return _Examined(checked, context.talk.usage)
