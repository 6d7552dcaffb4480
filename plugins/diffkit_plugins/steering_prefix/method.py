"""The method steering-prefix.

Takes a pair and texts. Gives the prefix that was found, and its baselines.
"""

from diffkit import DiffingMethod, Findings, ModelPair, Note, RunContext
from diffkit_plugins.steering_prefix.baselines import RandomPrefixes
from diffkit_plugins.steering_prefix.config import SteeringPrefixConfig
from diffkit_plugins.steering_prefix.evaluation import PrefixEvaluator
from diffkit_plugins.steering_prefix.optimisers.registry import load_optimiser
from diffkit_plugins.steering_prefix.problem import PrefixProblem, pair_problem
from diffkit_plugins.steering_prefix.report.report import PrefixReport
from diffkit_plugins.steering_prefix.report.texts import EXPLAIN, MIRROR
from diffkit_plugins.steering_prefix.search.run import run_searches
from diffkit_plugins.steering_prefix.search.token_space import TokenSpace


class SteeringPrefix(DiffingMethod[SteeringPrefixConfig]):
    """A prefix of a few tokens under which one side generates what the other does without it.

    The change score is how much of the gap the prefix closes on held-out suffixes:
    L∅ − L_P, in nats per token, where L is the loss of the reference completions and ∅ is no
    prefix; 0 if the prefix does worse than none. The share (L∅ − L_P) / (L∅ − L_floor) is
    reported too: it distinguishes a finetuning that a few words can reproduce from one that they
    cannot. It is not the score, since the share of a very small gap, as after a small random
    change, is noise.
    """

    identical_note = "Both sides have the same weights: there is nothing to explain."

    def identical(self, config: SteeringPrefixConfig) -> Findings:
        """The note, after a check of the optimiser's name."""
        load_optimiser(config.optimiser)
        return super().identical(config)

    def run(self, pair: ModelPair, config: SteeringPrefixConfig, context: RunContext) -> Findings:
        """Searches for the prefix and compares it with baselines.

        If fewer than two suffixes have something to explain, the score is 0 and the only finding
        is a note.

        Raises:
            UserError: there is no such optimiser, no suffix at all, or no prefix is allowed.
        """
        load_optimiser(config.optimiser)  # a wrong name is an error before anything is read
        problem = pair_problem(pair, config, context)
        if not problem.training.items:
            return _nothing_to_explain(problem)
        space = TokenSpace.of(problem.training, config)
        outcome = run_searches(problem.training, space, config, context)
        explained = pair.finetuned if config.objective == "explain" else pair.base
        evaluator = PrefixEvaluator.of(problem, explained, "", config, context.seed)
        found = outcome.best.ids
        random = RandomPrefixes.sample(problem.held_out, space, config, context.seed, found)
        report = PrefixReport.of(evaluator, outcome, random, _human_prefixes(config))
        wording = EXPLAIN if config.objective == "explain" else MIRROR
        return Findings(
            change_score=max(report.nats_closed, 0.0),
            metrics=report.metrics(),
            items=tuple(report.items(wording)),
        )


def _human_prefixes(config: SteeringPrefixConfig) -> dict[str, str]:
    return {f"yours, number {number}": words for number, words in enumerate(config.human, 1)}


def _nothing_to_explain(problem: PrefixProblem) -> Findings:
    tried = problem.tried
    alike = (
        f"After all but one of the {tried} suffixes both sides say much the same, and a single one "
        "cannot be both searched with and held out"
        if problem.unsplit
        else f"After each of the {tried} suffixes both sides say much the same"
    )
    text = (
        f"{alike}, so there is nothing that a prefix could explain. Other texts may be nearer to "
        "what was taught; a lower min_dependence keeps more suffixes."
    )
    return Findings(
        change_score=0.0, metrics={"dropped": float(problem.dropped)}, items=(Note(text=text),)
    )
