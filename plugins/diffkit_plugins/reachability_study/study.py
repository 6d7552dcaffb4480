"""The study."""

from collections.abc import Iterator

from diffkit import Finding, Findings, Model, RunContext, Study
from diffkit_plugins.reachability_study import report
from diffkit_plugins.reachability_study.config import ReachabilityStudyConfig
from diffkit_plugins.reachability_study.figures.overview import draw_figures
from diffkit_plugins.reachability_study.interpretation.conditions import basic_rows, ffn_rows
from diffkit_plugins.reachability_study.interpretation.sweeps import sweep_rows
from diffkit_plugins.reachability_study.outcomes import StudyResults
from diffkit_plugins.reachability_study.report import metrics_json
from diffkit_plugins.reachability_study.runner import ExperimentRunner


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
        laboratory = ExperimentRunner.of(model, config, context)
        results = laboratory.run()
        _write_numbers(results, config, context)
        return Findings(
            metrics=_metrics(results), items=tuple(_items(laboratory, results, context))
        )


def _items(
    laboratory: ExperimentRunner, results: StudyResults, context: RunContext
) -> Iterator[Finding]:
    falling = laboratory.config.falling
    readings = (*basic_rows(results), *sweep_rows(results), *ffn_rows(results))
    yield report.answer_note(results, readings)
    yield report.caveat_note()
    yield report.procedure_note(results, laboratory.settings, len(laboratory.whole.real))
    yield report.interpretation_table(readings)
    title = "What was reached, by Adam without a bound"
    yield report.condition_table(title, results.outcomes, falling)
    if results.beside:
        title = "The same targets by other solvers and with bounded prompts"
        yield report.condition_table(title, results.beside, falling)
    for picture in draw_figures(results, falling):
        yield picture.finding(context.artifacts)


def _write_numbers(
    results: StudyResults, config: ReachabilityStudyConfig, context: RunContext
) -> None:
    everything = (*results.outcomes, *results.beside)
    for experiment in results.experiments:
        own = [o for o in everything if o.condition.experiment == experiment]
        content = metrics_json(experiment, own, config.falling)
        context.artifacts.write(f"experiment_{experiment}.metrics.json", content)


def _metrics(results: StudyResults) -> dict[str, float]:
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
