"""Raw numbers of an experiment, as the content of its metrics.json."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from diffkit_plugins.reachability_study.curves import shapes
from diffkit_plugins.reachability_study.outcome import Outcome


def metrics_json(experiment: str, outcomes: Sequence[Outcome], falling: float) -> bytes:
    """What each condition's searches ended with, per target, as JSON.

    Args:
        experiment: its name.
        outcomes: its conditions, by all solvers.
        falling: decades that a curve loses in its last tenth if it still falls.
    """
    conditions = [_condition(outcome, falling) for outcome in outcomes]
    content = {"experiment": experiment, "conditions": conditions}
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True).encode()


def _condition(outcome: Outcome, falling: float) -> Mapping[str, Any]:
    return {
        "condition": outcome.condition.name,
        "x": outcome.condition.x,
        "solver": outcome.solver,
        "norm_budget": outcome.budget,
        "steps": int(outcome.steps[-1]),
        "curve_shapes": shapes(outcome, falling),
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
