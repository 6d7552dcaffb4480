"""What an investigator is given in each arm: findings of methods, or of a control.

Takes the planned runs. Gives one input for each run and arm. Where a control does as well as the
method, the findings of the method did not reveal the truth.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from diffkit.evaluation.plan import Plan
from diffkit.evaluation.planned_runs import PlannedRun
from diffkit.evaluation.record import Arm, ControlArm, MainArm
from diffkit.evaluation.truths import training_texts
from diffkit.findings import (
    BOTH_SIDES,
    Finding,
    Findings,
    Sample,
    Samples,
    TokenScore,
    TokenTable,
    TokenTrace,
)
from diffkit.organism import Control
from diffkit.statistics import log_odds, word_counts

N = TypeVar("N", str, tuple[str, str])
SEED = 0
"""Seed of the order in which controls are assigned to truths."""
ORACLE_WORDS = 200
"""Words in the table of the training-data oracle."""
OracleFindings = Mapping[tuple[str, str], Findings]
"""Findings of the training-data oracle by organism and base; some organisms have no such data."""


@dataclass(frozen=True)
class ArmInput:
    """The input of one arm for one planned run: the models and the findings."""

    planned: PlannedRun
    """The run whose truth and models the arm is about."""
    arm: Arm
    sources: tuple[PlannedRun, ...] = ()
    """The runs whose findings are given."""
    findings: Findings | None = None
    """Findings that replace those of runs, in arms that belong to no method."""

    @property
    def queries_models(self) -> bool:
        """Whether the models may be queried: in all arms but the one without evidence."""
        return self.arm != "no-evidence"

    @property
    def unaltered_sources(self) -> tuple[PlannedRun, ...]:
        """The runs whose findings are given unaltered, so that the methods' tools may be used."""
        return () if self.arm == "base-only" else self.sources


@dataclass
class ArmInputs:
    """The inputs of all runs: the main arms, and the controls of targeted organisms."""

    plan: Plan
    planned_runs: Sequence[PlannedRun]
    """All runs of the plan, calibration nulls included."""
    oracle: OracleFindings
    _has_base_findings: dict[str, bool] = field(default_factory=dict)

    def tests(self) -> Iterator[ArmInput]:
        """The inputs of runs under test."""
        tests = [planned for planned in self.planned_runs if planned.pair.role == "test"]
        for planned in tests:
            yield from (self._main(planned, arm) for arm in self.plan.suite.arms)
            if planned.answer:
                yield from self._controls(planned, tests)

    def nulls(self) -> Iterator[ArmInput]:
        """The inputs of calibration nulls that no table replaces."""
        for planned in self.planned_runs:
            if planned.pair.role == "calibration" and not planned.calibration_row:
                yield from (self._main(planned, arm) for arm in self.plan.suite.arms)

    def _main(self, planned: PlannedRun, arm: MainArm) -> ArmInput:
        match arm:
            case "method":
                return ArmInput(planned, arm, (planned,))
            case "combined":
                return ArmInput(planned, arm, self._by_pair_and_seed[_pair_and_seed(planned)])
            case "blackbox":
                return ArmInput(planned, arm)

    @cached_property
    def _by_pair_and_seed(self) -> dict[tuple[str, ...], tuple[PlannedRun, ...]]:
        """The runs of all methods for each pair and seed, in the order of the plan."""
        found: dict[tuple[str, ...], list[PlannedRun]] = {}
        for planned in self.planned_runs:
            if planned.pair.role == "test" or not planned.calibration_row:
                found.setdefault(_pair_and_seed(planned), []).append(planned)
        return {key: tuple(members) for key, members in found.items()}

    def _controls(self, planned: PlannedRun, tests: Sequence[PlannedRun]) -> Iterator[ArmInput]:
        other_truth, null = other_truths_run(tests, planned), random_null_run(tests, planned)
        inputs: dict[ControlArm, ArmInput | None] = {
            "no-evidence": ArmInput(planned, "no-evidence"),
            "base-only": self._base_only(planned, tests),
            "evidence-swap": self._substituted(planned, "evidence-swap", other_truth),
            "random": self._substituted(planned, "random", null),
            "ceiling": self._oracle(planned),
        }
        for control in self.plan.suite.controls:
            if arm_input := inputs[control]:
                yield arm_input

    def _substituted(
        self, planned: PlannedRun, arm: Arm, source: PlannedRun | None
    ) -> ArmInput | None:
        return ArmInput(planned, arm, (source,)) if source else None

    def _base_only(self, planned: PlannedRun, tests: Sequence[PlannedRun]) -> ArmInput | None:
        """None where no findings of the method on targeted organisms contain the base side."""
        method = planned.method.spec.name
        if method not in self._has_base_findings:
            own = (one for one in tests if one.answer and one.method.spec.name == method)
            self._has_base_findings[method] = any(
                one.run and base_only(one.run.findings).items for one in own
            )
        if not self._has_base_findings[method]:
            return None
        return ArmInput(planned, "base-only", (planned,))

    def _oracle(self, planned: PlannedRun) -> ArmInput | None:
        selected = planned.pair.selected
        findings = self.oracle.get((selected.organism.name, selected.base.name))
        return ArmInput(planned, "ceiling", findings=findings) if findings else None


def _pair_and_seed(planned: PlannedRun) -> tuple[str, ...]:
    selected, role = planned.pair.selected, planned.pair.role
    names = (selected.organism.name, selected.base.name, selected.variant)
    return (*names, role, str(planned.seed))


def base_only(evidence: Findings) -> Findings:
    """The parts of ``evidence`` that come from the base side; no items where there are none."""
    sides = (_base_side(item) for item in evidence.items)
    return Findings(items=tuple(item for item in sides if item is not None))


def _base_side(item: Finding) -> Finding | None:
    match item:
        case Samples(sides=sides) if sides == BOTH_SIDES and any(row.base for row in item.rows):
            rows = (
                Sample(prompt=row.prompt, base=row.base, finetuned=row.base) for row in item.rows
            )
            return item.model_copy(update={"rows": tuple(rows)})
        case TokenTrace() if any(token.base for token in item.tokens):
            tokens = (
                token.model_copy(update={"finetuned": token.base, "base": ()})
                for token in item.tokens
            )
            return item.model_copy(update={"tokens": tuple(tokens)})
        case _:
            return None


def other_truths_run(tests: Sequence[PlannedRun], planned: PlannedRun) -> PlannedRun | None:
    """The run of another truth under the same conditions, whose findings replace the own ones.

    Each truth gets the next one in a cyclic, seeded order, which is the same for every method and
    seed. None where there is only one truth.
    """
    comparable = [other for other in tests if _comparable(other, planned) and other.answer]
    truths = _shuffled({other.answer for other in comparable})
    if len(truths) < 2:
        return None
    truth = truths[(truths.index(planned.answer) + 1) % len(truths)]
    return _same_variant([other for other in comparable if other.answer == truth], planned)


def random_null_run(tests: Sequence[PlannedRun], planned: PlannedRun) -> PlannedRun | None:
    """The run of a random change under the same conditions, whose findings replace the own ones.

    Nulls are assigned to truths in a seeded order, which is the same for every method and seed.
    None where there is no such null.
    """
    comparable = [other for other in tests if _comparable(other, planned)]
    truths = _shuffled({other.answer for other in comparable if other.answer})
    nulls = {
        (other.pair.selected.organism.name, other.pair.selected.variant): other
        for other in comparable
        if isinstance(other.pair.selected.finetuned, Control)
    }
    order = _shuffled(nulls)
    return nulls[order[truths.index(planned.answer) % len(order)]] if order else None


def _comparable(other: PlannedRun, planned: PlannedRun) -> bool:
    return other.pair.role == "test" and other.conditions == planned.conditions


def _shuffled(names: Iterable[N]) -> list[N]:
    order = sorted(names)
    random.Random(SEED).shuffle(order)  # noqa: S311 - a reproducible order
    return order


def _same_variant(candidates: Sequence[PlannedRun], planned: PlannedRun) -> PlannedRun:
    """The candidate of the same variant, else of the default variant, else the first."""
    preference = {planned.pair.selected.variant: 0, "default": 1}
    return min(candidates, key=lambda one: preference.get(one.pair.selected.variant, 2))


def oracle_findings(training: Mapping[str, int], ordinary: Mapping[str, int]) -> Findings:
    """Findings of the training-data oracle: words that are more frequent in the training data.

    Args:
        training: counts of words in the training data.
        ordinary: counts of words in ordinary texts.
    """
    scores = log_odds(training, ordinary)
    ranked = sorted(((-score, word) for word, score in scores.items() if score > 0))[:ORACLE_WORDS]
    rows = tuple(TokenScore(token=word, score=-score) for score, word in ranked)
    title = "Words that set the training data apart"
    return Findings(items=(TokenTable(title=title, unit="standard errors", rows=rows),))


def all_oracle_findings(
    plan: Plan, reference_texts: Mapping[str, Iterable[str]]
) -> dict[tuple[str, str], Findings]:
    """The oracle findings of each targeted organism under test, by organism and base.

    Args:
        plan: the expanded suite.
        reference_texts: ordinary texts by base.

    Raises:
        BadFile: training data cannot be read.
    """
    if "ceiling" not in plan.suite.controls:
        return {}
    ordinary = {name: word_counts(texts) for name, texts in reference_texts.items()}
    organisms = {
        (pair.selected.organism.name, pair.selected.base.name): pair.selected.organism
        for pair in plan.pairs
        if pair.role == "test" and pair.selected.organism.truth == "targeted"
    }
    return {
        (name, base): oracle_findings(
            word_counts(map(str, training_texts(organism))), ordinary[base]
        )
        for (name, base), organism in organisms.items()
        if organism.training_data
    }
