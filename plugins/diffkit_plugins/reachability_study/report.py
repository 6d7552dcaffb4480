"""Turns the study's results into tables, notes and JSON.

Takes outcomes and rows of the interpretation guide. Gives findings and the content of artifacts.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor

from diffkit import Note, Table
from diffkit.statistics import wilson
from diffkit_plugins.reachability_study.config import StudySettings
from diffkit_plugins.reachability_study.interpretation import UNCONVERGED, InterpretationRow
from diffkit_plugins.reachability_study.outcomes import (
    ConditionOutcome,
    StudyResults,
    count_curve_shapes,
)


def condition_table(title: str, outcomes: Sequence[ConditionOutcome], falling: float) -> Table:
    """One row for each condition and solver.

    Args:
        title: title of the table.
        outcomes: the outcomes.
        falling: decades that a curve loses in its last tenth if it still falls.
    """
    columns = (
        "condition", "solver", "targets × restarts", "median MSE", "of it floor", "relative error",
        "reached (95 %)", "above floor", "curves: converged / falling / plateau",
        "restarts' deviation, decades", "prompt norm, embeddings",
    )  # fmt: skip
    return Table(title=title, columns=columns, rows=tuple(_row(o, falling) for o in outcomes))


def _row(outcome: ConditionOutcome, falling: float) -> tuple[str | int | float | None, ...]:
    targets, restarts = outcome.mse.shape
    return (
        outcome.condition.name,
        outcome.solver,
        f"{targets} × {restarts}",
        outcome.median,
        _median(outcome.floor),
        _median(outcome.relative),
        _share(outcome.reached),
        f"{int(outcome.reached_above_floor.sum())}/{targets}",
        " / ".join(str(count) for count in count_curve_shapes(outcome, falling).values()),
        _median(outcome.restart_deviation),
        _median(outcome.best_norms),
    )


def _median(values: Float[Tensor, " targets"]) -> float:
    return float(values.quantile(0.5))


def _share(hits: Bool[Tensor, " targets"]) -> str:
    """A share and its Wilson interval."""
    count = int(hits.sum())
    interval = wilson(count, len(hits))
    assert interval is not None  # noqa: S101 - there is at least one target
    return f"{count}/{len(hits)} ({interval.low:.2f} to {interval.high:.2f})"


def interpretation_table(rows: Sequence[InterpretationRow]) -> Table:
    """The rows of the interpretation guide with their answers."""
    return Table(
        title="Interpretation guide: what was observed, and what it means",
        columns=("observation", "holds", "numbers", "meaning"),
        rows=tuple((r.observation, r.holds, r.numbers, r.meaning) for r in rows),
    )


_REACHED = attrgetter("reached")
_ABOVE = attrgetter("reached_above_floor")
_CAVEAT = (
    "What this cannot show: in a pre-norm network the residual stream before the final norm is "
    "the embedding plus a bounded continuous function of the prompt, so by Brouwer's theorem a "
    "prompt of unbounded norm reaches every target. An error that is left is the optimiser's, or "
    "the final norm's where targets are read after it. Which kind of target looks hard depends on "
    "where the searches start: starts at N(0, 1) favour raw targets, starts from the vocabulary "
    "real ones. Norm budgets and the discrete search ask what the unbounded searches cannot."
)


def answer_note(results: StudyResults, rows: Sequence[InterpretationRow]) -> Note:
    """The rows that hold, those that do not, and the shares of targets reached."""
    held = [f"{r.observation}: {r.meaning} ({r.numbers})" for r in rows if r.holds == "yes"]
    denied = [r.observation for r in rows if r.holds == "no"]
    outcomes = results.outcomes
    parts = [f"Reached, below 1 % of the initial MSE: {_shares(outcomes, _REACHED)}."]
    if any(o.floor.any() for o in outcomes):
        parts.append(f"The same above the final norm's floor: {_shares(outcomes, _ABOVE)}.")
    for solver in dict.fromkeys(o.solver for o in results.by_other_solvers):
        own = [o for o in results.by_other_solvers if o.solver == solver]
        parts.append(f"By {solver}: {_shares(own, _REACHED)}.")
    if any(r.observation == UNCONVERGED and r.holds == "yes" for r in rows):
        parts.append(
            "Experiment 1 did not converge, so all that follows is about this optimiser at these "
            "steps, and nothing is shown of what prompts can reach."
        )
    if held:
        parts.append("What holds of the guide. " + " ".join(f"{line}." for line in held))
    if denied:
        parts.append("What does not: " + "; ".join(denied) + ".")
    return Note(text=" ".join(parts))


def _shares(
    outcomes: Sequence[ConditionOutcome], hits: Callable[[ConditionOutcome], Bool[Tensor, " n"]]
) -> str:
    return ", ".join(f"{o.condition.name} {float(hits(o).float().mean()):.0%}" for o in outcomes)


def caveat_note() -> Note:
    """The limits of unbounded reachability."""
    return Note(text=_CAVEAT)


def procedure_note(results: StudyResults, settings: StudySettings, sequences: int) -> Note:
    """The settings, fewer sequences than requested, and whether steps were extended."""
    where = "after the final norm" if settings.after_norm else "before the final norm"
    starts = "N(0, 1)" if settings.starts == "normal" else "embeddings of random tokens"
    text = (
        f"Targets are {where}, {settings.length} positions each; starts are {starts}; Adam takes "
        f"{results.steps} steps at a rate of {settings.lr:g}. Moments are over {sequences} "
        f"sequences{_fewer(settings, sequences)}. "
    )
    return Note(text=text + _extension(results))


def _extension(results: StudyResults) -> str:
    if results.still_fell is None:
        return "Experiment 1 did not run, so nothing said whether to extend."
    if not results.still_fell:
        return "Experiment 1's median loss no longer fell: not extended."
    followed = "extended" if results.steps > results.planned_steps else "not extended, as asked"
    return f"Experiment 1's median loss still fell after {results.planned_steps} steps: {followed}."


def _fewer(settings: StudySettings, sequences: int) -> str:
    if sequences >= settings.sequences:
        return ""
    return f" ({settings.sequences} were asked for, the texts have no more)"


def metrics_json(experiment: str, outcomes: Sequence[ConditionOutcome], falling: float) -> bytes:
    """The results of each condition, by target, as JSON.

    Args:
        experiment: name of the experiment.
        outcomes: outcomes of its conditions, by all solvers.
        falling: decades that a curve loses in its last tenth if it still falls.
    """
    conditions = [_condition_numbers(outcome, falling) for outcome in outcomes]
    content = {"experiment": experiment, "conditions": conditions}
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True).encode()


def _condition_numbers(outcome: ConditionOutcome, falling: float) -> Mapping[str, Any]:
    return {
        "condition": outcome.condition.name,
        "x": outcome.condition.x,
        "solver": outcome.solver,
        "norm_budget": outcome.budget,
        "steps": int(outcome.steps[-1]),
        "curve_shapes": count_curve_shapes(outcome, falling),
        "reached_share": float(outcome.reached.float().mean()),
        "reached_above_floor_share": float(outcome.reached_above_floor.float().mean()),
        "initial_mse": outcome.initial.tolist(),
        "final_mse": outcome.best.tolist(),
        "final_mse_of_restarts": outcome.mse.tolist(),
        "restart_variance": outcome.mse.var(dim=1, correction=0).tolist(),
        "restart_deviation_decades": outcome.restart_deviation.tolist(),
        "floor_mse": outcome.floor.tolist(),
        "relative_error": outcome.relative.tolist(),
        "cosine_by_position": outcome.best_cosines.tolist(),
        "largest_prompt_norm": outcome.best_norms.tolist(),
    }
