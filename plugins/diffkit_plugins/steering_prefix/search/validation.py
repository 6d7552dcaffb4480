"""Validation of the result of a user's own optimiser.

Takes the result. Gives the same with its loss computed again, or raises an error that names the
fault.
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
"""Allowed difference of two computations of a loss, relative or absolute.

In low precision, other batches round differently.
"""

_LOSS = "Update BestPrefix(task) with what PrefixScorer(task).score(prefixes) returns."


def validate_result(result: object, task: SearchTask, name: str) -> SearchResult:
    """Validates a result, and computes its loss and penalty again.

    Args:
        result: what a user's own optimiser returned.
        task: its task; nothing is taken from the budget.
        name: of the optimiser.

    Raises:
        UserError: it is no `SearchResult`, has no trace, the task's space does not accept its
            prefix, or its loss is not that of the prefix.
    """
    if not isinstance(result, SearchResult):
        hint = "End search(task) with the result() of a BestPrefix or a LocalSearch."
        _refuse(name, f"returned {type(result).__name__}, not a SearchResult", hint)
    if not result.trace or not all(isinstance(point, TracePoint) for point in result.trace):
        _refuse(
            name, "gave no trace of points", "Call log_step() of BestPrefix(task) after each step."
        )
    _check_prefix(result, task, name)
    scorer = PrefixScorer(replace(task, budget=ReadingBudget(0)))
    (read,) = scorer.score(scorer.tensor(result.ids)[None])
    if not isinstance(result.loss, int | float):
        _refuse(name, f"gave the loss {result.loss!r}, which is no number", _LOSS)
    if not math.isclose(result.loss, read.loss, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE):
        what = (
            f"gave a loss of {result.loss:.4g} for a prefix whose mean loss on the training items "
            f"is {read.loss:.4g}"
        )
        _refuse(name, what, _LOSS)
    return replace(result, ids=tuple(result.ids), loss=read.loss, penalty=read.penalty)


def _check_prefix(result: SearchResult, task: SearchTask, name: str) -> None:
    hint = "Draw from task.space, and return a prefix that task.space.accepts(prefixes)."
    size = len(task.space.allowed)
    ids = list(result.ids) if isinstance(result.ids, Sequence) else []
    if not ids or not all(isinstance(token, int) and 0 <= token < size for token in ids):
        _refuse(name, f"gave {result.ids!r}, which are no token ids from 0 to {size - 1}", hint)
    prefix = torch.tensor([ids], device=task.space.allowed.device)
    if not bool(task.space.accepts(prefix)):
        what = (
            f"gave the prefix {task.space.text(ids)!r} (ids {ids}), which is not allowed: it "
            "has special or banned tokens, or its text is tokenised to other ids"
        )
        _refuse(name, what, hint)


def _refuse(name: str, what: str, hint: str) -> Never:
    raise UserError(f"The optimiser {name!r} {what}.", hint=hint)
