"""Every picture of a study."""

from collections.abc import Iterator

from diffkit_plugins.reachability_study.pictures.budgets import norm_budgets
from diffkit_plugins.reachability_study.pictures.canvas import Picture
from diffkit_plugins.reachability_study.pictures.cosines import cosine_by_position
from diffkit_plugins.reachability_study.pictures.final_mse import final_mse
from diffkit_plugins.reachability_study.pictures.loss_curves import loss_curves
from diffkit_plugins.reachability_study.pictures.summary import summary
from diffkit_plugins.reachability_study.pictures.sweep import sweep
from diffkit_plugins.reachability_study.results import Results


def pictures(results: Results, falling: float) -> Iterator[Picture]:
    """The pictures that the study's design names, and those of what it adds.

    Args:
        results: all outcomes.
        falling: decades that a curve loses in its last tenth if it still falls.
    """
    yield summary(results.outcomes)
    yield from _sweeps(results)
    bounded = [o for o in results.beside if o.budget is not None]
    if bounded:
        names = {o.condition.name for o in bounded}
        unbounded = [o for o in results.outcomes if o.condition.name in names]
        yield norm_budgets([*bounded, *unbounded])
    for experiment in results.experiments:
        outcomes = results.of(experiment)
        yield loss_curves(experiment, outcomes, falling)
        yield final_mse(experiment, outcomes)
        yield cosine_by_position(experiment, outcomes)


def _sweeps(results: Results) -> Iterator[Picture]:
    if replaced := results.of("4"):
        yield sweep(
            "experiment4_transition.png",
            "Experiment 4: error against the share of dimensions replaced by noise",
            "share of dimensions replaced",
            replaced,
        )
    if lines := results.of("3"):
        yield sweep(
            "experiment_3.reachability_curves.png",
            "Experiment 3: error along the lines through pairs of real activations",
            "α (0 and 1 are real activations)",
            lines,
        )
