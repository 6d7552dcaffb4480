"""The expression gate: an organism shows its behaviour, and its base does not.

Takes the targeted pairs of a plan. Gives how often both sides show the behaviour, and refuses
organisms that do not show it.
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from diffkit.errors import UserError
from diffkit.evaluation.expression.probe_answers import BaseAnswerCache, ProbeAnswers, probe_prompts
from diffkit.evaluation.expression.retention import (
    measure_by_base,
    questioned_pairs,
    retention_key,
    targeted_tests,
)
from diffkit.evaluation.plan import Plan, PlannedPair
from diffkit.organism import Probes, Record
from diffkit.registry.catalogue import SelectedPair
from diffkit.runs.digest import digest
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.files import read_stored
from diffkit.runs.spec import ENGINE_VERSION, PairSpec, open_pair
from diffkit.runs.store import Store
from diffkit.statistics import Share, share

if TYPE_CHECKING:
    from diffkit.engine.loading.loader import NetworkCache
    from diffkit.engine.pair import ModelPair

log = logging.getLogger("diffkit.evaluation")
GATE_VERSION = 1
"""Raised when the same models and probes may give another result."""


class Expression(Record):
    """Shares of probes with which each side shows the behaviour."""

    finetuned: Share
    base: Share
    at_least: float
    """Smallest share that the finetuned side must reach."""
    at_most: float
    """Largest share that the base may have."""
    examples: tuple[tuple[str, str], ...] = ()
    """Up to three prompts and completions of the finetuned side that do not show the behaviour."""

    @property
    def passes(self) -> bool:
        """Whether both shares are within their thresholds."""
        finetuned, base = self.finetuned.value or 0, self.base.value or 0
        return finetuned >= self.at_least and base <= self.at_most


def stored_expression(
    selected: SelectedPair, store: Store, execution: ExecutionOptions, networks: "NetworkCache"
) -> Expression | None:
    """The expression of one pair, from the store or measured now; none without probes.

    Args:
        selected: the pair.
        store: where results are kept, by the content of both models and the probes.
        execution: the device, and whether stored results are ignored.
        networks: keeps bases loaded for further pairs.

    Raises:
        BadModel, BadFile, BadDevice: a model cannot be loaded.
        StoreError: the stored result is damaged.
    """
    if selected.organism.probes is None:
        return None
    probes = with_variant_threshold(selected.organism.probes, selected.variant)

    def make(folder: Path) -> None:
        spec = PairSpec.of(selected.base, selected.finetuned)
        with open_pair(spec, execution.device, networks) as pair:
            text = measure_expression(pair, probes).model_dump_json(indent=1) + "\n"
        (folder / "expression.json").write_text(text, encoding="utf-8")

    key = expression_key(selected, probes)
    folder = store.get_or_create("gates", key, make, fresh=execution.fresh)
    return read_stored(folder / "expression.json", Expression)


def expression_key(selected: SelectedPair, probes: Probes) -> str:
    """The digest by which the store keeps the expression of one pair.

    Args:
        selected: the pair.
        probes: its probes with the threshold of the variant.

    Raises:
        BadModel, BadFile: a model cannot be read.
    """
    models = PairSpec.of(selected.base, selected.finetuned).identity()
    versions = {"gate": GATE_VERSION, "engine": ENGINE_VERSION}
    return digest({"pair": models.content, "probes": probes.model_dump(mode="json"), **versions})


def with_variant_threshold(probes: Probes, variant: str) -> Probes:
    """The probes with the threshold of the variant, so that its name is not part of the key."""
    return probes.model_copy(update={"at_least": probes.least(variant), "at_least_in": {}})


def measure_expression(pair: "ModelPair", probes: Probes) -> Expression:
    """Measures the expression of one pair by greedy answers to the probes."""
    finetuned, base = BaseAnswerCache().answers_of_both(pair, probe_prompts(probes))
    return expression_of(finetuned, base, probes)


def expression_of(finetuned: ProbeAnswers, base: ProbeAnswers, probes: Probes) -> Expression:
    """The expression that answers to the probes show.

    Args:
        finetuned: answers of the finetuned side, at least to all probes.
        base: answers of the base side.
        probes: the probes with the threshold of the variant.
    """
    answers = [finetuned[prompt] for prompt in probe_prompts(probes)]
    shown = zip(probes.prompts, answers, probes.shown(answers), strict=True)
    failed = [(prompt, answer) for prompt, answer, shows in shown if not shows]
    return Expression(
        finetuned=share_showing(finetuned, probes),
        base=share_showing(base, probes),
        at_least=probes.at_least,
        at_most=probes.at_most,
        examples=tuple(failed[:3]),
    )


def share_showing(answers: ProbeAnswers, probes: Probes) -> Share:
    """Share of the probes whose answer shows the behaviour."""
    prompts = probe_prompts(probes)
    return share(sum(probes.shown([answers[prompt] for prompt in prompts])), len(prompts))


def refuse_inert(
    plan: Plan, store: Store, execution: ExecutionOptions, *, allow_inert: bool = False
) -> tuple[str, ...]:
    """Refuses a plan with targeted pairs under test that do not show their behaviour.

    Args:
        plan: the expanded suite.
        store: where expressions are kept.
        execution: how models are loaded.
        allow_inert: whether such pairs cause a warning only.

    Returns:
        Notes on pairs that do not show their behaviour, or were not tested.

    Raises:
        UserError: pairs fail the gate.
        BadDevice: there is no such device.
    """
    probed = probed_pairs(plan)

    def measure(
        selected: SelectedPair, networks: "NetworkCache", _: BaseAnswerCache
    ) -> Expression | None:
        return stored_expression(selected, store, execution, networks)

    measured = measure_by_base(probed, measure, execution, "expression gate")
    inert = [(pair, found) for pair, found in measured if not found.passes]
    notes = list(_untested_notes([pair for pair in targeted_tests(plan) if pair not in probed]))
    if not inert:
        return tuple(notes)
    what = _failure_text(inert)
    if not allow_inert:
        names = " ".join(dict.fromkeys(pair.selected.organism.name for pair, _ in inert))
        hint = f"Look: `diffkit organisms check {names}`; or let them through: --allow-inert."
        raise UserError(what, hint=hint)
    log.warning(what)
    return (what, *notes)


def probed_pairs(plan: Plan) -> list[PlannedPair]:
    """The targeted pairs under test whose organisms have probes."""
    return [pair for pair in targeted_tests(plan) if pair.selected.organism.probes is not None]


def gate_keys(plan: Plan) -> dict[str, list[Callable[[], str]]]:
    """Kind of check → for each pair that is checked, what computes the key of its result."""

    def key(selected: SelectedPair) -> str:
        assert selected.organism.probes  # noqa: S101 - the pairs are those that have some
        probes = with_variant_threshold(selected.organism.probes, selected.variant)
        return expression_key(selected, probes)

    return {
        "expression checks": [partial(key, pair.selected) for pair in probed_pairs(plan)],
        "retention checks": [
            partial(retention_key, pair.selected) for pair in questioned_pairs(plan)
        ],
    }


def _untested_notes(pairs: list[PlannedPair]) -> Iterator[str]:
    names = list(dict.fromkeys(pair.selected.organism.name for pair in pairs))
    if names:
        yield f"Whether these do what their truth says was not tested: {', '.join(names)}."


def _failure_text(inert: list[tuple[PlannedPair, Expression]]) -> str:
    each = ", ".join(_shares_text(pair, found) for pair, found in inert)
    count = "1 pair fails" if len(inert) == 1 else f"{len(inert)} pairs fail"
    return f"{count} the expression gate: {each}."


def _shares_text(pair: PlannedPair, found: Expression) -> str:
    selected, sides = pair.selected, (found.finetuned, found.base)
    finetuned, base = (f"{side.hits}/{side.n}" for side in sides)
    return (
        f"{selected.organism.name} / {selected.variant} ({finetuned} show it, "
        f"≥ {found.at_least:g} asked; base {base}, ≤ {found.at_most:g})"
    )
