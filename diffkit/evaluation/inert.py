"""Keeps organisms that do not do what their truth says out of an evaluation."""

import contextlib
import logging
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from diffkit.errors import BadFile, BadModel, UserError
from diffkit.evaluation.plan import Pair, Plan

if TYPE_CHECKING:
    from diffkit.evaluation.gate import Expression
    from diffkit.runs.execute import Execution
    from diffkit.runs.store import Store

log = logging.getLogger("diffkit.evaluation")


def check_expression(
    plan: Plan, store: "Store", execution: "Execution", *, allow_inert: bool = False
) -> tuple[str, ...]:
    """Puts the targeted pairs under test to the expression gate.

    Args:
        plan: the expanded suite.
        store: where results of the gate are kept.
        execution: how models are loaded.
        allow_inert: whether pairs that fail are let through, with a warning.

    Returns:
        What a reader of the evaluation must know: pairs that are inert, or untested.

    Raises:
        UserError: pairs fail the gate.
        BadDevice: there is no such device.
    """
    targeted = [
        pair
        for pair in plan.pairs
        if pair.role == "test" and pair.selected.organism.truth == "targeted"
    ]
    probed = [pair for pair in targeted if pair.selected.organism.probes is not None]
    inert = [
        (pair, found) for pair, found in _expressions(probed, store, execution) if not found.passes
    ]
    notes = list(_untested([pair for pair in targeted if pair not in probed]))
    if not inert:
        return tuple(notes)
    what = _failing(inert)
    if not allow_inert:
        names = " ".join(dict.fromkeys(pair.selected.organism.name for pair, _ in inert))
        cure = f"Look: `diffkit organisms check {names}`; or let them through: --allow-inert."
        raise UserError(what, cure=cure)
    log.warning(what)
    return (what, *notes)


def _expressions(
    pairs: list[Pair], store: "Store", execution: "Execution"
) -> "Iterator[tuple[Pair, Expression]]":
    """Base by base, each loaded once; what is wrong with a model, its run says."""
    from diffkit.engine.load import Networks
    from diffkit.evaluation.gate import stored_expression

    ordered = sorted(pairs, key=_base)
    shown = execution.progress(ordered, label="expression gate", total=len(ordered))
    for _, group in groupby(shown, key=_base):
        with Networks() as networks:
            for pair in group:
                with contextlib.suppress(BadModel, BadFile):
                    if found := stored_expression(pair.selected, store, execution, networks):
                        yield pair, found


def _base(pair: Pair) -> str:
    return pair.selected.base.name


def _untested(pairs: list[Pair]) -> Iterator[str]:
    names = list(dict.fromkeys(pair.selected.organism.name for pair in pairs))
    if names:
        yield f"Whether these do what their truth says was not tested: {', '.join(names)}."


def _failing(inert: "list[tuple[Pair, Expression]]") -> str:
    each = ", ".join(_shares(pair, found) for pair, found in inert)
    count = "1 pair fails" if len(inert) == 1 else f"{len(inert)} pairs fail"
    return f"{count} the expression gate: {each}."


def _shares(pair: Pair, found: "Expression") -> str:
    one, sides = pair.selected, (found.finetuned, found.base)
    finetuned, base = (f"{side.hits}/{side.n}" for side in sides)
    return (
        f"{one.organism.name} / {one.variant} ({finetuned} show it, ≥ {found.at_least:g} asked; "
        f"base {base}, ≤ {found.at_most:g})"
    )
