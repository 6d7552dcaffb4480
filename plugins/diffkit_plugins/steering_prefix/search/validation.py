"""Checks of what a user's own optimiser returns.

Takes what it returned. Gives the same with losses computed here, or raises an error that says what
is wrong.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Never

import torch

from diffkit import UserError
from diffkit_plugins.steering_prefix.search.optimiser import (
    ReadingBudget,
    SearchResult,
    SearchTask,
    TracePoint,
)
from diffkit_plugins.steering_prefix.search.scorer import PrefixScorer

_TOLERANCE = 0.02
"""How far two readings of a loss may be apart, of the loss or in its unit: low precision rounds
otherwise in another batch."""

_LOSS = "Offer the record what Scorer(task).wholes(prefixes) gives."


def validate_result(found: object, task: SearchTask, name: str) -> SearchResult:
    """The same, with the loss and the penalty as they are read here.

    Args:
        found: what an optimiser of the user's own returned.
        task: what it was given; nothing is taken from its budget.
        name: of the optimiser.

    Raises:
        UserError: it is no `Found`, has no trail, its prefix is not one that the task's space
            keeps, or its loss is another than the prefix has.
    """
    if not isinstance(found, SearchResult):
        hint = "End search(task) with: return record.found(), of a Record or a Walk."
        _refuse(name, f"returned {type(found).__name__}, not what it found (a Found)", hint)
    if not found.trail or not all(isinstance(point, TracePoint) for point in found.trail):
        _refuse(name, "gave no trail of points", "Call record.note() after each step.")
    _check_prefix(found, task, name)
    scorer = PrefixScorer(replace(task, budget=ReadingBudget(0)))
    (read,) = scorer.wholes(scorer.tensor(found.ids)[None])
    if not isinstance(found.loss, int | float):
        _refuse(name, f"gave the loss {found.loss!r}, which is no number", _LOSS)
    if not math.isclose(found.loss, read.loss, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        what = (
            f"gave a loss of {found.loss:.4g} for a prefix whose mean loss on the training items "
            f"is {read.loss:.4g}"
        )
        _refuse(name, what, _LOSS)
    return replace(found, ids=tuple(found.ids), loss=read.loss, penalty=read.penalty)


def _check_prefix(found: SearchResult, task: SearchTask, name: str) -> None:
    hint = "Draw from task.space, and offer only prefixes that task.space.keeps(prefixes)."
    size = len(task.space.allowed)
    ids = list(found.ids) if isinstance(found.ids, Sequence) else []
    if not ids or not all(isinstance(token, int) and 0 <= token < size for token in ids):
        _refuse(name, f"gave {found.ids!r}, which are no token ids from 0 to {size - 1}", hint)
    prefix = torch.tensor([ids], device=task.space.allowed.device)
    if not bool(task.space.keeps(prefix)):
        what = (
            f"gave the prefix {task.space.text(ids)!r} (ids {ids}), which no prefix may be: it "
            "has special or banned tokens, or is tokenised to other ids once it is text"
        )
        _refuse(name, what, hint)


def _refuse(name: str, what: str, hint: str) -> Never:
    raise UserError(f"The optimiser {name!r} {what}.", hint=hint)
