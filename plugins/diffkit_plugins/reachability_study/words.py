"""The study's answer in words."""

from collections.abc import Callable, Sequence
from operator import attrgetter

from jaxtyping import Bool
from torch import Tensor

from diffkit import Note
from diffkit_plugins.reachability_study.guide import UNCONVERGED
from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.presets import Settings
from diffkit_plugins.reachability_study.reading import Reading
from diffkit_plugins.reachability_study.results import Results

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


def answers(results: Results, readings: Sequence[Reading]) -> Note:
    """What holds, what does not, and what fraction of targets was reached."""
    held = [f"{r.observation}: {r.meaning} ({r.numbers})" for r in readings if r.holds == "yes"]
    denied = [r.observation for r in readings if r.holds == "no"]
    outcomes = results.outcomes
    parts = [f"Reached, below 1 % of the initial MSE: {_shares(outcomes, _REACHED)}."]
    if any(o.floor.any() for o in outcomes):
        parts.append(f"The same above the final norm's floor: {_shares(outcomes, _ABOVE)}.")
    for solver in dict.fromkeys(o.solver for o in results.beside):
        own = [o for o in results.beside if o.solver == solver]
        parts.append(f"By {solver}: {_shares(own, _REACHED)}.")
    if any(r.observation == UNCONVERGED and r.holds == "yes" for r in readings):
        parts.append(
            "Experiment 1 did not converge, so all that follows is about this optimiser at these "
            "steps, and nothing is shown of what prompts can reach."
        )
    if held:
        parts.append("What holds of the guide. " + " ".join(f"{line}." for line in held))
    if denied:
        parts.append("What does not: " + "; ".join(denied) + ".")
    return Note(text=" ".join(parts))


def _shares(outcomes: Sequence[Outcome], hits: Callable[[Outcome], Bool[Tensor, " n"]]) -> str:
    return ", ".join(f"{o.condition.name} {float(hits(o).float().mean()):.0%}" for o in outcomes)


def caveat() -> Note:
    """Why unbounded reachability says little."""
    return Note(text=_CAVEAT)


def procedure(results: Results, settings: Settings, sequences: int) -> Note:
    """What was done, where it departs from what was asked, and whether steps were extended."""
    where = "after the final norm" if settings.after_norm else "before the final norm"
    starts = "N(0, 1)" if settings.starts == "normal" else "embeddings of random tokens"
    text = (
        f"Targets are {where}, {settings.length} positions each; starts are {starts}; Adam takes "
        f"{results.steps} steps at a rate of {settings.lr:g}. Moments are over {sequences} "
        f"sequences{_fewer(settings, sequences)}. "
    )
    return Note(text=text + _extension(results))


def _extension(results: Results) -> str:
    if results.still_fell is None:
        return "Experiment 1 did not run, so nothing said whether to extend."
    if not results.still_fell:
        return "Experiment 1's median loss no longer fell: not extended."
    followed = "extended" if results.steps > results.planned else "not extended, as asked"
    return f"Experiment 1's median loss still fell after {results.planned} steps: {followed}."


def _fewer(settings: Settings, sequences: int) -> str:
    if sequences >= settings.sequences:
        return ""
    return f" ({settings.sequences} were asked for, the texts have no more)"
