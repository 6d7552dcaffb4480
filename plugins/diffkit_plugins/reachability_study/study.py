"""The study reachability-study."""

from collections.abc import Iterator

from diffkit import Finding, Findings, Model, RunContext, Study
from diffkit_plugins.reachability_study import report
from diffkit_plugins.reachability_study.config import ReachabilityStudyConfig
from diffkit_plugins.reachability_study.figures import draw_figures
from diffkit_plugins.reachability_study.interpretation import basic_rows, ffn_rows, sweep_rows
from diffkit_plugins.reachability_study.outcomes import StudyResults
from diffkit_plugins.reachability_study.report import metrics_json
from diffkit_plugins.reachability_study.runner import ExperimentRunner


class ReachabilityStudy(Study[ReachabilityStudyConfig]):
    """Which residual streams a soft prompt can reach, by gradient descent.

    The map from a prompt's embeddings to the residual stream is inverted for targets of several
    kinds, from real activations to noise.
    """

    def run(self, model: Model, config: ReachabilityStudyConfig, context: RunContext) -> Findings:
        """Runs the selected experiments in the order of the study's design.

        Raises:
            UserError: the texts are too few or too short, or the options contradict each other.
        """
        runner = ExperimentRunner.of(model, config, context)
        results = runner.run()
        _write_metrics(results, config, context)
        items = tuple(_items(runner, results, context))
        return Findings(metrics=_metrics(results), items=items)


def _items(
    runner: ExperimentRunner, results: StudyResults, context: RunContext
) -> Iterator[Finding]:
    falling = runner.config.falling
    rows = (*basic_rows(results), *sweep_rows(results), *ffn_rows(results))
    yield report.answer_note(results, rows)
    yield report.caveat_note()
    yield report.procedure_note(results, runner.settings, len(runner.full.real))
    yield report.interpretation_table(rows)
    title = "What was reached, by Adam without a bound"
    yield report.condition_table(title, results.outcomes, falling)
    if results.by_other_solvers:
        title = "The same targets by other solvers and with bounded prompts"
        yield report.condition_table(title, results.by_other_solvers, falling)
    for figure in draw_figures(results, falling):
        yield figure.finding(context.artifacts)


def _write_metrics(
    results: StudyResults, config: ReachabilityStudyConfig, context: RunContext
) -> None:
    every = (*results.outcomes, *results.by_other_solvers)
    for experiment in results.experiments:
        own = [o for o in every if o.condition.experiment == experiment]
        content = metrics_json(experiment, own, config.falling)
        context.artifacts.write(f"experiment_{experiment}.metrics.json", content)


def _metrics(results: StudyResults) -> dict[str, float]:
    """Median errors and shares reached, of the conditions of experiments 1, 2a, 2b and ffn."""
    metrics = {"steps": float(results.steps)}
    for outcome in results.outcomes:
        if outcome.condition.x is None:
            name = "_".join(
                outcome.condition.name.replace("'", "").replace(",", "").lower().split()
            )
            metrics[f"{name}_median_mse"] = outcome.median
            metrics[f"{name}_reached_share"] = float(outcome.reached.float().mean())
    return metrics
