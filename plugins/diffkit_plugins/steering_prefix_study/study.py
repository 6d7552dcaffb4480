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
from diffkit_plugins.steering_prefix.problem import match_problem
from diffkit_plugins.steering_prefix.report.curves import loss_distribution
from diffkit_plugins.steering_prefix.report.notes import retokenisation_notes
from diffkit_plugins.steering_prefix.report.report import Report
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
    space = TokenSpace.of(problem.training, config, banned_words(config))
    searched = run_searches(problem.training, space, config, context)
    chance = RandomPrefixes.of(problem.held_out, space, config, context.seed, searched.best.ids)
    evaluation = PrefixEvaluator.of(problem, model, config.reference, config, context.seed)
    given = {"human (the reference)": config.reference, "neutral": config.neutral}
    report = Report.of(evaluation, searched, chance, given)
    return Findings(metrics=report.metrics(), items=tuple(report.items(MATCH)))


def run_sweep(model: Model, config: SteeringPrefixStudyConfig, context: RunContext) -> Findings:
    """One search at each layer, or one for a contrast.

    Raises:
        UserError: an option that the objective needs is missing or wrong, the texts give too few
            suffixes, or no prefix is allowed.
    """
    layers: tuple[int | None, ...] = (
        (None,) if config.objective == "contrast" else _numbers(model, config)
    )
    swept = [
        LayerSearch.of(model, _split(model, config, context, layer), config, context, layer)
        for layer in context.progress(layers, label="searches", total=len(layers))
    ]
    return Findings(metrics=_sweep_metrics(swept), items=tuple(_sweep_items(swept)))


def _numbers(model: Model, config: SteeringPrefixStudyConfig) -> tuple[int, ...]:
    return tuple(dict.fromkeys(model.numbers(config.layers)))


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
    vector = read_vector(config.vector.path, model.hidden)
    return direction_split(model, vector, layer, config, context, in_context=in_context)


def _sweep_metrics(swept: Sequence[LayerSearch]) -> dict[str, float]:
    return {
        f"{'loss' if one.layer is None else f'layer_{one.layer}_loss'}{which}": loss
        for one in swept
        for which, loss in (
            ("", one.loss), ("_without", one.without), ("_best_random", one.chance.best),
        )
    }  # fmt: skip


def _sweep_items(swept: Sequence[LayerSearch]) -> Iterator[Finding]:
    yield from (layer_note(one) for one in swept)
    yield sweep_table(swept)
    yield loss_table(swept)
    yield from _notes_on_given(swept[0])
    for one in swept:
        yield from _own_items(one)
    if len(swept) == 1:
        yield _importance_table(swept[0])
    yield search_series(swept)
    for one in swept:
        if len(one.searched.searches) > 1:
            ranked = one.searched.ranked
            yield loss_distribution(ranked, one.losses(ranked), one.baselines, one.where)
    if len(swept) > 1:
        yield layer_series(swept)


def _own_items(one: LayerSearch) -> Iterator[Finding]:
    """What there is to say of one search beside the others'."""
    held_out, ranked, staged = one.split.held_out, one.searched.ranked, one.searched.staged
    if isinstance(held_out, ContrastObjective):
        yield pair_table(one, held_out)
    elif one.holds_out:
        yield continuation_samples(one)
    if len(ranked) > 1 or one.config.penalises:
        yield found_table(ranked, one.losses(ranked), one.baselines, one.config, one.where)
    if staged:
        yield comparison_table(staged, one.losses(staged), one.baselines, one.config, one.where)


def _importance_table(one: LayerSearch) -> TokenTable:
    """In the unit that is shown: what a loss rises without a token, a dot product falls."""
    measure = one.baselines.measure
    noun = f"{'held-out ' if one.holds_out else ''}{measure.noun}"
    ways = ("with", "without") if measure.more_is_better else ("without", "with")
    what = "{} {} it, less that {} it".format(noun, *ways)
    table = importance_table(one.split.held_out, one.best.ids, what)
    return table.model_copy(update={"unit": measure.unit})


def _notes_on_given(one: LayerSearch) -> Iterator[Finding]:
    if one.config.objective != "contrast":  # there prefixes stand before beginnings of texts
        given = {"human": one.config.reference, "neutral": one.config.neutral}
        yield from retokenisation_notes(one.split.layout, one.split.held_out_places, given)


class SteeringPrefixStudy(Study[SteeringPrefixStudyConfig]):
    """A prefix that steers one model as a reference prefix, a state or a direction does."""

    def run(self, model: Model, config: SteeringPrefixStudyConfig, context: RunContext) -> Findings:
        """Searches for the prefix of the objective that is asked for.

        Raises:
            UserError: there is no such optimiser, there are too few suffixes, no prefix is
                allowed, or an option that the objective needs is missing.
        """
        load_optimiser(config.optimiser)  # a wrong name is told before anything is read
        look = run_match if config.objective == "match" else run_sweep
        return look(model, config, context)
