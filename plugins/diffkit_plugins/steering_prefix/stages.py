"""What an optimiser had after each of its stages."""

from collections.abc import Sequence

from diffkit_plugins.steering_prefix.baselines import Baselines
from diffkit_plugins.steering_prefix.columns import Column
from diffkit_plugins.steering_prefix.half import Half
from diffkit_plugins.steering_prefix.searched import Search


def stage_columns(searches: Sequence[Search], baselines: Baselines) -> list[Column]:
    """Every stage in training, and the soft prompt and its tokens on held-out items too.

    Args:
        searches: the rows; those without a stage leave its cell empty.
        baselines: has the held-out items.
    """
    columns = []
    for stage in dict.fromkeys(stage for one in searches for stage, _ in one.found.stages):
        after = [dict(one.found.stages).get(stage) for one in searches]
        columns.append(Column(f"{stage}, training", _shown(after, baselines)))
        own = [_held_out(one, stage, baselines.half) for one in searches]
        if baselines.held_out and any(loss is not None for loss in own):
            columns.append(Column(f"{stage}, held out", _shown(own, baselines)))
    return columns


def _held_out(search: Search, stage: str, half: Half) -> float | None:
    found = search.found
    if stage == "soft" and found.soft is not None:
        objective = half.objective
        soft = found.soft.to(objective.model.device)
        return objective.gradient(soft, range(objective.items)).loss
    if stage == "projected" and found.projected is not None:
        return half.loss(found.projected)
    return None


def _shown(losses: Sequence[float | None], baselines: Baselines) -> list[float | None]:
    return [None if loss is None else baselines.measure.of(loss) for loss in losses]
