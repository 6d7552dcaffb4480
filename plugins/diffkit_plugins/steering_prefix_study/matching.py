"""``match``: what a prefix does that is to do what the reference prefix does."""

from diffkit import Findings, Model, Note, RunContext
from diffkit_plugins.steering_prefix.chance import Chance
from diffkit_plugins.steering_prefix.evaluation import Evaluation
from diffkit_plugins.steering_prefix.problem import match_problem
from diffkit_plugins.steering_prefix.report import Report
from diffkit_plugins.steering_prefix.searching import search
from diffkit_plugins.steering_prefix.space import TokenSpace
from diffkit_plugins.steering_prefix.wording import MATCH
from diffkit_plugins.steering_prefix_study.banned import banned
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig


def match(model: Model, config: SteeringPrefixStudyConfig, context: RunContext) -> Findings:
    """The notebook's experiment: completions after many suffixes, under another prefix.

    Where fewer than two suffixes are left that depend on the reference, a note alone says so.

    Raises:
        UserError: there is no suffix at all, or no prefix is allowed.
    """
    problem = match_problem(model, config.reference, config, context)
    if not problem.training.items:
        after = (
            f"all but one of {problem.tried} suffixes, and a single one cannot be both searched "
            "with and held out"
            if problem.unsplit
            else f"any of {problem.tried} suffixes"
        )
        text = (
            f"The reference {config.reference!r} hardly changes what the model says after {after}, "
            "so there is nothing to match. Other texts may depend on it more; a lower "
            "min_dependence keeps more suffixes."
        )
        return Findings(items=(Note(text=text),))
    space = TokenSpace.of(problem.training, config, banned(config))
    searched = search(problem.training, space, config, context)
    chance = Chance.of(problem.held_out, space, config, context.seed, searched.best.ids)
    evaluation = Evaluation.of(problem, model, config.reference, config, context.seed)
    given = {"human (the reference)": config.reference, "neutral": config.neutral}
    report = Report.of(evaluation, searched, chance, given)
    return Findings(metrics=report.metrics(), items=tuple(report.items(MATCH)))
