"""Checks that a grader keeps its contract, on sample answer sheets and attempts.

Takes what a plugin registers, gives the grade of each sample attempt on each sample sheet. A grader
that calls a language model is checked with a scripted endpoint: name it in the options.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from diffkit.chat.session import ChatSession
from diffkit.generator import Generator, GeneratorPair
from diffkit.grader import AnswerSheet, Grade, GradeContext, Grader, GraderNeed
from diffkit.investigator import UsageEstimate
from diffkit.method import MethodConfig
from diffkit.registry.specs import Spec
from diffkit.sampling import Completion, Sampling
from diffkit.testing.answer_sheets import (
    KEYS,
    organism_sheet,
    sample_attempts,
    sample_sheets,
)
from diffkit.testing.cases import sample_findings
from diffkit.testing.options import assert_options_conform
from diffkit.testing.requirements import assert_named, require, set_random_state
from diffkit.texts import Text, Texts
from diffkit.verdict import Attempt

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from diffkit.engine.model import Model
    from diffkit.engine.pair import ModelPair

Grades = Mapping[str, Mapping[str, Grade]]
"""Name of each sample sheet → name of each sample attempt → its grade."""
PAIR_NEEDS = frozenset({"pair", "generators"})
"""Inputs that need loaded models."""
_TOLERANCE = 1e-9


def assert_grader_conforms(
    spec: Spec,
    *,
    options: Mapping[str, Any] | None = None,
    pair: "ModelPair | None" = None,
    training: Texts | None = None,
    artifacts: Path | None = None,
) -> Grades:
    """Checks the contract of `Grader`; returns the grade of each sample attempt.

    A grader gets the inputs that it declares, and no others.

    Args:
        spec: what the plugin registers.
        options: options that differ from the defaults.
        pair: two models, for graders that need them.
        training: what the finetuned model was trained on.
        artifacts: folder of the artifacts of a method's run.

    Raises:
        AssertionError: the contract is broken; the message says where.
    """
    assert_named(spec.name, spec.summary)
    assert_options_conform(spec)
    config = spec.load_config()(**(options or {}))
    trial = _Trial(spec, config, GradeContext(training=training, artifacts=artifacts), pair)
    trial.check_declarations()
    sheets = sample_sheets(null_claims="null_claims" in trial.needs)
    grades = {
        sheet_name: {
            name: _checked(trial, f"{name}, {sheet_name}", attempt, sheet)
            for name, attempt in sample_attempts().items()
        }
        for sheet_name, sheet in sheets.items()
    }
    for each in grades.values():
        _check_attempts(trial, each)
    _check_truths(trial, grades["organism"])
    return grades


@dataclass(frozen=True)
class _Trial:
    """One grader with its options and everything that it may need."""

    spec: Spec
    config: MethodConfig
    given: GradeContext
    pair: "ModelPair | None"

    def make(self) -> Grader[Any]:
        """A new instance."""
        made = self.spec.load()
        require(isinstance(made, Grader), f"{self.spec.implementation!r} is a Grader")
        return made  # type: ignore[no-any-return]

    @property
    def needs(self) -> frozenset[GraderNeed]:
        return self.make().needs

    def check_declarations(self) -> None:
        """What it declares of itself."""
        grader = self.make()
        unknown = sorted(set(grader.needs) - set(get_args(GraderNeed)))
        require(not unknown, f"a grader needs nothing but what exists, not {unknown}")
        models = self.pair is not None or not grader.needs & PAIR_NEEDS
        require(models, "a grader that needs models is checked with a pair")
        grader.validate(self.config, MethodConfig())
        estimate = grader.estimate(self.config)
        if estimate is not None:
            require(isinstance(estimate, UsageEstimate), "estimate() gives a UsageEstimate or none")
            require(estimate.role == "grader", "the estimate's role is grader")

    def context(self) -> GradeContext:
        """The inputs that it declares."""
        needs, pair = self.needs, self.pair
        return GradeContext(
            findings=sample_findings() if "findings" in needs else None,
            artifacts=self.given.artifacts if "findings" in needs else None,
            training=self.given.training if "training" in needs else None,
            pair=_giving(pair) if pair is not None and "pair" in needs else None,
            generators=_giving(_generators(pair))
            if pair is not None and "generators" in needs
            else None,
            chat=ChatSession(),
        )

    def grade(
        self, name: str, attempt: Attempt, sheet: AnswerSheet, context: GradeContext | None = None
    ) -> Grade:
        """The grade, which an error is not."""
        context = context or self.context()
        try:
            grade = self.make().grade(attempt, sheet, self.config, context)
        except Exception as error:
            msg = f"violated requirement: every attempt gets a grade ({name})"
            raise AssertionError(msg) from error
        kind = type(grade).__name__
        require(isinstance(grade, Grade), f"grade() returns a Grade, not {kind}")
        roles = sorted(set(context.chat.usage) - {"grader"})
        require(not roles, f"usage is counted for the role grader, not {roles}")
        return grade


def _checked(trial: _Trial, name: str, attempt: Attempt, sheet: AnswerSheet) -> Grade:
    """The grade of one attempt, which meets every requirement that one attempt can show."""
    set_random_state(0)
    grade = trial.grade(name, attempt, sheet)
    set_random_state(1)
    require(trial.grade(name, attempt, sheet) == grade, f"the same grade each time ({name})")
    turned = sheet.model_copy(update={"statements": sheet.statements[::-1]})
    same = _alike(trial.grade(name, attempt, turned), grade)
    require(same, f"the order of the truths does not change the grade ({name})")
    require(
        _alike(grade, Grade.model_validate_json(grade.model_dump_json())), "grades survive JSON"
    )
    _check_parts(name, grade, sheet)
    if "findings" in trial.needs:
        without = replace(trial.context(), findings=None, artifacts=None)
        trial.grade(f"{name}, without findings", attempt, sheet, without)
    if "training" in trial.needs:
        without = replace(trial.context(), training=None)
        trial.grade(f"{name}, without training texts", attempt, sheet, without)
    return grade


def _check_parts(name: str, grade: Grade, sheet: AnswerSheet) -> None:
    for part, value in grade.parts.items():
        measured = part.removesuffix("_chance")
        if measured != part:
            there = measured in grade.parts or measured == "score"
            require(there, f"the chance {part!r} belongs to a part {measured!r} ({name})")
            require(0 <= value <= 1, f"the chance {part!r} is between 0 and 1 ({name})")
    known = {one.handle for one in sheet.statements}
    require(set(grade.if_true) <= known, f"if_true names truths of the answer sheet ({name})")
    own = grade.if_true.get(sheet.answer or "", {})
    agree = all(math.isclose(grade.parts[k], v) for k, v in own.items() if k in grade.parts)
    require(agree, f"if_true agrees with the parts for the actual truth ({name})")


def _check_attempts(trial: _Trial, grades: Mapping[str, Grade]) -> None:
    """Checks grades of several attempts on one sheet."""
    if not trial.make().grades_attempt:
        first, *others = grades.values()
        alike = all(_alike(first, other) for other in others)
        require(alike, "a grader of findings gives the same grade for any attempt")
        return
    for name, grade in grades.items():
        if name.startswith("ended: "):
            no_more = grade.score <= grade.chance + _TOLERANCE
            require(no_more, f"an attempt without a verdict scores at most chance ({name})")


def _check_truths(trial: _Trial, grades: Mapping[str, Grade]) -> None:
    """Checks grades of one attempt under several truths."""
    if trial.make().grades_attempt:
        right, wrong = grades["right claim"], grades["wrong claim"]
        ordered = right.score >= wrong.score - _TOLERANCE
        require(ordered, "a right claim scores at least as well as a wrong one")
    null_claims = "null_claims" in trial.needs
    for name, attempt in sample_attempts().items():
        if_true = grades[name].if_true
        for other in KEYS.keys() & if_true.keys():
            sheet = organism_sheet(other, null_claims=null_claims)
            parts = trial.grade(name, attempt, sheet).parts
            expected = if_true[other]
            agree = all(math.isclose(parts[k], v) for k, v in expected.items() if k in parts)
            require(agree, f"if_true gives the parts that another truth would give ({name})")


def _alike(one: Grade, other: Grade) -> bool:
    """Whether two grades have the same numbers, up to rounding."""
    numbers = [(one.score, other.score), (one.chance, other.chance)]
    if one.parts.keys() != other.parts.keys() or one.if_true.keys() != other.if_true.keys():
        return False
    numbers += [(value, other.parts[name]) for name, value in one.parts.items()]
    return all(math.isclose(a, b, abs_tol=_TOLERANCE) for a, b in numbers)


def _giving(value: Any) -> Callable[[], Any]:
    @contextmanager
    def give() -> Iterator[Any]:
        yield value

    return give


def _generators(pair: "ModelPair") -> GeneratorPair:
    return GeneratorPair(_ModelGenerator(pair.base), _ModelGenerator(pair.finetuned))


class _ModelGenerator(Generator):
    """Generates with a loaded model."""

    def __init__(self, model: "Model") -> None:
        self._model = model

    def generate(
        self, prompts: "Sequence[Text | str]", sampling: Sampling
    ) -> tuple[Completion, ...]:
        return self._model.generate(prompts, sampling)

    def generate_from(
        self, embeddings: "Sequence[Float[Tensor, 'seq hidden']]", sampling: Sampling
    ) -> tuple[Completion, ...]:
        raise NotImplementedError
