"""What a prefix does that is to reach a state, go along a direction, or favour texts, in words."""

from diffkit import Note
from diffkit_plugins.steering_prefix.counted import counted
from diffkit_plugins.steering_prefix.unmoved import unmoved
from diffkit_plugins.steering_prefix_study.swept import Swept

_DOES = {
    "state": "leaves the residual stream a distance (1 − cosine) of {} from where the reference "
    "{reference!r} puts it",
    "direction": "reaches {} along the vector",
    "contrast": "leaves a loss of {} nats where positive texts are to be likelier than negative "
    "ones",
}


def summary(one: Swept) -> Note:
    """How far the prefix gets beside none, given ones and random ones, and whether it steers."""
    objective, reference = one.config.objective, one.config.reference
    does = _DOES[objective].format(_shown(one, one.loss), reference=reference)
    begins = "The" if one.layer is None else f"At layer {one.layer} the"
    others = [f"without a prefix {_shown(one, one.without)}"]
    if objective != "state":  # there it is what is to be reached, at a distance of 0
        others.append(f"with the human's {reference!r} {_shown(one, one.loss_of(reference))}")
    neutral = one.config.neutral
    others.append(f"with the neutral {neutral!r} {_shown(one, one.loss_of(neutral))}")
    better = " The neutral prefix does better." if one.loss_of(neutral) < one.loss else ""
    count = counted(len(one.chance.losses), "random prefix")
    others.append(f"with the best of {count} {_shown(one, one.chance.best)}")
    return Note(
        text=f"{begins} prefix {one.best.text!r} {does} {_on(one)}: {', '.join(others)}. "
        f"{one.baselines.verdict(one.loss)}{better}{unmoved(one.best)}"
    )


def _on(one: Swept) -> str:
    if not one.holds_out:
        return "(nothing can be held out: the bare prefix is one prompt)"
    item = "pair" if one.config.objective == "contrast" else "suffix"
    return f"on {counted(one.split.held_out.items, item)} that the search never saw"


def _shown(one: Swept, loss: float) -> str:
    return f"{one.baselines.measure.of(loss):.3g}"
