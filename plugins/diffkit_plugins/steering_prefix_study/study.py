"""The study: a prefix that matches a reference prefix, a state, a direction or a contrast.

Takes one model and options. Gives findings.
"""

from collections.abc import Iterator, Sequence

from diffkit import Finding, Findings, Model, Note, RunContext, Study, TokenTable, UserError
from diffkit_plugins.steering_prefix.baselines import RandomPrefixes
from diffkit_plugins.steering_prefix.evaluation import PrefixEvaluator
from diffkit_plugins.steering_prefix.objectives.base import ObjectiveSplit
from diffkit_plugins.steering_prefix.objectives.contrast import ContrastObjective, contrast_split
from diffkit_plugins.steering_prefix.objectives.residual import (
    direction_split,
    read_vector,
    state_split,
)
from diffkit_plugins.steering_prefix.optimisers.registry import load_optimiser
from diffkit_plugins.steering_prefix.problem import PrefixProblem, match_problem
from diffkit_plugins.steering_prefix.report.curves import loss_distribution
from diffkit_plugins.steering_prefix.report.notes import retokenisation_notes
from diffkit_plugins.steering_prefix.report.report import PrefixReport
from diffkit_plugins.steering_prefix.report.tables import comparison_table, found_table
from diffkit_plugins.steering_prefix.report.texts import MATCH
from diffkit_plugins.steering_prefix.report.token_importance import importance_table
from diffkit_plugins.steering_prefix.search.run import run_searches
from diffkit_plugins.steering_prefix.search.token_space import TokenSpace
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig
from diffkit_plugins.steering_prefix_study.layer_search import LayerSearch, banned_words
from diffkit_plugins.steering_prefix_study.report import (
    continuation_samples,
    layer_note,
    layer_series,
    loss_table,
    pair_table,
    search_series,
    sweep_table,
)


def run_match(model: Model, config: SteeringPrefixStudyConfig, context: RunContext) -> Findings:
    """Runs ``match``: a prefix that gives the completions of the reference prefix.

    If fewer than two suffixes depend on the reference, the only finding is a note.

    Raises:
        UserError: there is no suffix at all, or no prefix is allowed.
    """
    problem = match_problem(model, config.reference, config, context)
    if not problem.training.items:
        return Findings(items=(_nothing_to_match(problem, config.reference),))
    space = TokenSpace.of(problem.training, config, banned_words(config))
    outcome = run_searches(problem.training, space, config, context)
    found = outcome.best.ids
    random = RandomPrefixes.sample(problem.held_out, space, config, context.seed, found)
    evaluator = PrefixEvaluator.of(problem, model, config.reference, config, context.seed)
    given = {"human (the reference)": config.reference, "neutral": config.neutral}
    report = PrefixReport.of(evaluator, outcome, random, given)
    return Findings(metrics=report.metrics(), items=tuple(report.items(MATCH)))


def _nothing_to_match(problem: PrefixProblem, reference: str) -> Note:
    after = (
        f"all but one of {problem.tried} suffixes, and a single one cannot be both searched "
        "with and held out"
        if problem.unsplit
        else f"any of {problem.tried} suffixes"
    )
    return Note(
        text=f"The reference {reference!r} hardly changes what the model says after {after}, "
        "so there is nothing to match. Other texts may depend on it more; a lower "
        "min_dependence keeps more suffixes."
    )


def run_sweep(model: Model, config: SteeringPrefixStudyConfig, context: RunContext) -> Findings:
    """Runs one search at each layer, or one for a contrast.

    Raises:
        UserError: an option that the objective needs is missing or wrong, the texts give too few
            suffixes, or no prefix is allowed.
    """
    layers: Sequence[int | None] = (
        (None,) if config.objective == "contrast" else _layer_numbers(model, config)
    )
    searches = [
        LayerSearch.of(model, _split(model, config, context, layer), config, context, layer)
        for layer in context.progress(layers, label="searches", total=len(layers))
    ]
    return Findings(metrics=_sweep_metrics(searches), items=tuple(_sweep_items(searches)))


def _layer_numbers(model: Model, config: SteeringPrefixStudyConfig) -> tuple[int, ...]:
    return tuple(dict.fromkeys(model.resolve_layers(config.layers)))


def _split(model: Model, config: SteeringPrefixStudyConfig, context: RunContext,
           layer: int | None) -> ObjectiveSplit:  # fmt: skip
    if layer is None:
        return contrast_split(model, config.positive, config.negative, config)
    in_context = config.in_context
    if config.objective == "state":
        return state_split(model, config.reference, layer, config, context, in_context=in_context)
    if config.vector is None:
        hint = "Try: --set vector=feature.safetensors, with one vector of the model's width."
        raise UserError("The objective 'direction' needs a vector.", hint=hint)
    vector = read_vector(config.vector.path, model.d_model)
    return direction_split(model, vector, layer, config, context, in_context=in_context)


def _sweep_metrics(searches: Sequence[LayerSearch]) -> dict[str, float]:
    return {
        f"{'loss' if one.layer is None else f'layer_{one.layer}_loss'}{suffix}": loss
        for one in searches
        for suffix, loss in (
            ("", one.loss), ("_without", one.loss_without), ("_best_random", one.random.best),
        )
    }  # fmt: skip


def _sweep_items(searches: Sequence[LayerSearch]) -> Iterator[Finding]:
    yield from (layer_note(one) for one in searches)
    yield sweep_table(searches)
    yield loss_table(searches)
    yield from _given_notes(searches[0])
    for one in searches:
        yield from _search_items(one)
    if len(searches) == 1:
        yield _importance_table(searches[0])
    yield search_series(searches)
    for one in searches:
        if len(one.outcome.searches) > 1:
            ranked = one.outcome.ranked
            yield loss_distribution(ranked, one.losses(ranked), one.baselines, one.title_prefix)
    if len(searches) > 1:
        yield layer_series(searches)


def _search_items(one: LayerSearch) -> Iterator[Finding]:
    """The findings of one search of the sweep."""
    held_out, ranked, staged = one.split.held_out, one.outcome.ranked, one.outcome.staged
    if isinstance(held_out, ContrastObjective):
        yield pair_table(one, held_out)
    elif one.holds_out:
        yield continuation_samples(one)
    if len(ranked) > 1 or one.config.penalises:
        yield found_table(ranked, one.losses(ranked), one.baselines, one.config, one.title_prefix)
    if staged:
        yield comparison_table(
            staged, one.losses(staged), one.baselines, one.config, one.title_prefix
        )


def _importance_table(one: LayerSearch) -> TokenTable:
    """Token importance in the displayed unit: the rise of a loss, or the fall of a dot product."""
    display = one.baselines.display
    noun = f"{'held-out ' if one.holds_out else ''}{display.noun}"
    ways = ("with", "without") if display.more_is_better else ("without", "with")
    what = "{} {} it, less that {} it".format(noun, *ways)
    table = importance_table(one.split.held_out, one.best.ids, what)
    return table.model_copy(update={"unit": display.unit})


def _given_notes(one: LayerSearch) -> Iterator[Finding]:
    if one.config.objective != "contrast":  # there prefixes precede beginnings of texts
        given = {"human": one.config.reference, "neutral": one.config.neutral}
        yield from retokenisation_notes(one.split.layout, one.split.held_out_slots, given)


class SteeringPrefixStudy(Study[SteeringPrefixStudyConfig]):
    """A prefix that steers one model as a reference prefix, a state or a direction does."""

    def run(self, model: Model, config: SteeringPrefixStudyConfig, context: RunContext) -> Findings:
        """Searches for the prefix of the objective that the options name.

        Raises:
            UserError: there is no such optimiser, there are too few suffixes, no prefix is
                allowed, or an option that the objective needs is missing.
        """
        load_optimiser(config.optimiser)  # a wrong name is an error before anything is read
        run = run_match if config.objective == "match" else run_sweep
        return run(model, config, context)
