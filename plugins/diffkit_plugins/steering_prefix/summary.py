"""What was found, in words."""

from diffkit import Note
from diffkit_plugins.steering_prefix.chance import Chance
from diffkit_plugins.steering_prefix.evaluation import Evaluation, Standing
from diffkit_plugins.steering_prefix.wording import Wording


def summary(best: Standing, chance: Chance, evaluation: Evaluation, wording: Wording) -> Note:
    """How much the prefix does, whether random ones do as much, and what was left out.

    Args:
        best: the prefix.
        chance: random prefixes on the held-out suffixes.
        evaluation: what it was held against.
        wording: what it is to do.
    """
    half = evaluation.held_out.half
    closed, random = half.gap.closed(best.held_out.loss), half.gap.closed(chance.best)
    used = half.objective.items + evaluation.training.half.objective.items
    tried = used + evaluation.problem.dropped
    verdict = (
        "It does more than chance."
        if chance.best > best.held_out.loss
        else "Random prefixes do as much, so nothing should be read into its words."
    )
    return Note(
        text=f"{wording.task.format(prefix=repr(best.text))}: on {half.objective.items} suffixes "
        f"that the search never saw it closes {closed:.0%} of the gap; the best of "
        f"{len(chance.losses)} random prefixes closes {random:.0%}. {verdict} The {used} "
        f"suffixes that were used are those of {tried} after which there is most to explain."
    )
