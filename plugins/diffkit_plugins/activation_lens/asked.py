"""The mean difference in a place that a tool is asked about, read anew from a run's texts."""

from diffkit import Artifacts, Checkpoints, FinishedRun, ModelPair, RunContext, UserError
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.plan import Plan
from diffkit_plugins.activation_lens.scan import scan
from diffkit_plugins.activation_lens.shift import Shift, shifts
from diffkit_plugins.activation_lens.slot import Slot, slots_of


def asked(
    pair: ModelPair, config: ActivationLensConfig, run: FinishedRun, layer: int | float, slot: str
) -> Shift:
    """The mean difference in one layer and slot.

    Args:
        pair: both sides.
        config: the run's options.
        run: whose texts are read.
        layer: a block's number, or a fraction of depth.
        slot: the slot's name.

    Raises:
        UserError: there is no such layer or slot, or too few texts reach the slot.
    """
    named = Slot.named(slot)
    if named is None:
        kinds = "0, 1, …; last, last-1, …; answer-1, answer+0, …; all"
        raise UserError(f"There is no slot {slot!r}.", cure=f"Slots are called {kinds}.")
    place = Plan(pair.base.numbers([layer]), (named,))
    context = RunContext(run.seed, run.texts, Artifacts(run.artifacts), Checkpoints(run.artifacts))
    found = scan(pair, config, context, place)
    shift = next(shifts(found, config.min_texts), None)
    if shift is None:
        names = ", ".join(other.name for other in slots_of(config))
        what = f"{found.reached[0]} texts reach slot {slot!r}, fewer than {config.min_texts}."
        raise UserError(what, cure=f"Take another slot; the run looked at {names}.")
    return shift
