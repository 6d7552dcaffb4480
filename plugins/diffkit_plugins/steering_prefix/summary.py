"""What was found, in words."""

from diffkit import Note
from diffkit_plugins.steering_prefix.baselines import Baselines
from diffkit_plugins.steering_prefix.counted import counted
from diffkit_plugins.steering_prefix.evaluation import Evaluation, Standing
from diffkit_plugins.steering_prefix.searched import Search
from diffkit_plugins.steering_prefix.unmoved import unmoved
from diffkit_plugins.steering_prefix.wording import Wording


def summary(
    best: Standing, search: Search, baselines: Baselines, evaluation: Evaluation, wording: Wording
) -> Note:
    """How much the prefix does, whether random ones do as much, and what was left out.

    Args:
        best: the prefix.
        search: how it was found.
        baselines: what it is held against on the held-out suffixes.
        evaluation: of which problem.
        wording: what it is to do.
    """
    half, chance = baselines.half, baselines.chance
    closed, random = half.gap.closed(best.held_out.loss), half.gap.closed(chance.best)
    used = half.objective.items + evaluation.training.half.objective.items
    tried = evaluation.problem.tried
    return Note(
        text=f"{wording.task.format(prefix=repr(best.text))}: on "
        f"{counted(half.objective.items, 'suffix')} that the search never saw it closes "
        f"{closed:.0%} of the gap; the best of {counted(len(chance.losses), 'random prefix')} "
        f"closes {random:.0%}. {baselines.verdict(best.held_out.loss)}{unmoved(search)} The {used} "
        f"suffixes that were used are those of {tried} after which there is most to explain."
    )
