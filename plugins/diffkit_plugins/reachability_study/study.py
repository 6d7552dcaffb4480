"""The study."""

from collections.abc import Iterator

from diffkit import Finding, Findings, Model, RunContext, Study
from diffkit_plugins.reachability_study import tables, words
from diffkit_plugins.reachability_study.config import ReachabilityStudyConfig
from diffkit_plugins.reachability_study.gallery import pictures
from diffkit_plugins.reachability_study.guide import basics
from diffkit_plugins.reachability_study.guide_ffns import nonlinearities
from diffkit_plugins.reachability_study.guide_sweeps import sweeps
from diffkit_plugins.reachability_study.laboratory import Laboratory
from diffkit_plugins.reachability_study.numbers import metrics_json
from diffkit_plugins.reachability_study.results import Results


class ReachabilityStudy(Study[ReachabilityStudyConfig]):
    """Which residual streams a soft prompt can reach, by gradient descent.

    Targets of several kinds, from real activations to noise, are what the map from a prompt's
    embeddings to the residual stream is inverted for.
    """

    def run(self, model: Model, config: ReachabilityStudyConfig, context: RunContext) -> Findings:
        """Runs the experiments that are asked for, in the order of the study's design.

        Raises:
            UserError: the texts are too few or too short, or the options contradict each other.
        """
        laboratory = Laboratory.of(model, config, context)
        results = laboratory.run()
        _write_numbers(results, config, context)
        return Findings(
            metrics=_metrics(results), items=tuple(_items(laboratory, results, context))
        )


def _items(laboratory: Laboratory, results: Results, context: RunContext) -> Iterator[Finding]:
    falling = laboratory.config.falling
    readings = (*basics(results), *sweeps(results), *nonlinearities(results))
    yield words.answers(results, readings)
    yield words.caveat()
    yield words.procedure(results, laboratory.settings, len(laboratory.whole.real))
    yield tables.guide(readings)
    title = "What was reached, by Adam without a bound"
    yield tables.conditions(title, results.outcomes, falling)
    if results.beside:
        title = "The same targets by other solvers and with bounded prompts"
        yield tables.conditions(title, results.beside, falling)
    for picture in pictures(results, falling):
        yield picture.finding(context.artifacts)


def _write_numbers(results: Results, config: ReachabilityStudyConfig, context: RunContext) -> None:
    everything = (*results.outcomes, *results.beside)
    for experiment in results.experiments:
        own = [o for o in everything if o.condition.experiment == experiment]
        content = metrics_json(experiment, own, config.falling)
        context.artifacts.write(f"experiment_{experiment}.metrics.json", content)


def _metrics(results: Results) -> dict[str, float]:
    """Medians and shares of the conditions of experiments 1, 2a, 2b and ffn."""
    found = {"steps": float(results.steps)}
    for outcome in results.outcomes:
        if outcome.condition.x is None:
            name = "_".join(
                outcome.condition.name.replace("'", "").replace(",", "").lower().split()
            )
            found[f"{name}_median_mse"] = outcome.median
            found[f"{name}_reached_share"] = float(outcome.reached.float().mean())
    return found
