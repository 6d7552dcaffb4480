"""``state``, ``direction`` and ``contrast``: searches without reference completions."""

from collections.abc import Iterator, Sequence

from diffkit import Finding, Findings, Model, RunContext, TokenTable, UserError
from diffkit_plugins.steering_prefix.contrast import ContrastObjective, contrast_split
from diffkit_plugins.steering_prefix.curves import spread
from diffkit_plugins.steering_prefix.direction import direction_split, read_vector
from diffkit_plugins.steering_prefix.retokenised import retokenised
from diffkit_plugins.steering_prefix.search_tables import comparison_table, found_table
from diffkit_plugins.steering_prefix.split import Split
from diffkit_plugins.steering_prefix.state import state_split
from diffkit_plugins.steering_prefix.worth import token_table
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig
from diffkit_plugins.steering_prefix_study.said import continuations, pairs
from diffkit_plugins.steering_prefix_study.series import by_layer, searching
from diffkit_plugins.steering_prefix_study.summary import summary
from diffkit_plugins.steering_prefix_study.swept import Swept
from diffkit_plugins.steering_prefix_study.tables import loss_table, sweep_table


def sweep(model: Model, config: SteeringPrefixStudyConfig, context: RunContext) -> Findings:
    """One search at each layer, or one for a contrast.

    Raises:
        UserError: an option that the objective needs is missing or wrong, the texts give too few
            suffixes, or no prefix is allowed.
    """
    layers: tuple[int | None, ...] = (
        (None,) if config.objective == "contrast" else _numbers(model, config)
    )
    swept = [
        Swept.of(model, _split(model, config, context, layer), config, context, layer)
        for layer in context.progress(layers, label="searches", total=len(layers))
    ]
    return Findings(metrics=_metrics(swept), items=tuple(_items(swept)))


def _numbers(model: Model, config: SteeringPrefixStudyConfig) -> tuple[int, ...]:
    return tuple(dict.fromkeys(model.numbers(config.layers)))


def _split(model: Model, config: SteeringPrefixStudyConfig, context: RunContext,
           layer: int | None) -> Split:  # fmt: skip
    if layer is None:
        return contrast_split(model, config.positive, config.negative, config)
    in_context = config.in_context
    if config.objective == "state":
        return state_split(model, config.reference, layer, config, context, in_context=in_context)
    if config.vector is None:
        cure = "Try: --set vector=feature.safetensors, with one vector of the model's width."
        raise UserError("The objective 'direction' needs a vector.", cure=cure)
    vector = read_vector(config.vector.path, model.hidden)
    return direction_split(model, vector, layer, config, context, in_context=in_context)


def _metrics(swept: Sequence[Swept]) -> dict[str, float]:
    return {
        f"{'loss' if one.layer is None else f'layer_{one.layer}_loss'}{which}": loss
        for one in swept
        for which, loss in (
            ("", one.loss), ("_without", one.without), ("_best_random", one.chance.best),
        )
    }  # fmt: skip


def _items(swept: Sequence[Swept]) -> Iterator[Finding]:
    yield from (summary(one) for one in swept)
    yield sweep_table(swept)
    yield loss_table(swept)
    yield from _notes_on_given(swept[0])
    for one in swept:
        yield from _own_items(one)
    if len(swept) == 1:
        yield _token_table(swept[0])
    yield searching(swept)
    for one in swept:
        if len(one.searched.searches) > 1:
            ranked = one.searched.ranked
            yield spread(ranked, one.losses(ranked), one.baselines, one.where)
    if len(swept) > 1:
        yield by_layer(swept)


def _own_items(one: Swept) -> Iterator[Finding]:
    """What there is to say of one search beside the others'."""
    held_out, ranked, staged = one.split.held_out, one.searched.ranked, one.searched.staged
    if isinstance(held_out, ContrastObjective):
        yield pairs(one, held_out)
    elif one.holds_out:
        yield continuations(one)
    if len(ranked) > 1 or one.config.penalises:
        yield found_table(ranked, one.losses(ranked), one.baselines, one.config, one.where)
    if staged:
        yield comparison_table(staged, one.losses(staged), one.baselines, one.config, one.where)


def _token_table(one: Swept) -> TokenTable:
    """In the unit that is shown: what a loss rises without a token, a dot product falls."""
    measure = one.baselines.measure
    noun = f"{'held-out ' if one.holds_out else ''}{measure.noun}"
    ways = ("with", "without") if measure.more_is_better else ("without", "with")
    what = "{} {} it, less that {} it".format(noun, *ways)
    table = token_table(one.split.held_out, one.best.ids, what)
    return table.model_copy(update={"unit": measure.unit})


def _notes_on_given(one: Swept) -> Iterator[Finding]:
    if one.config.objective != "contrast":  # there prefixes stand before beginnings of texts
        given = {"human": one.config.reference, "neutral": one.config.neutral}
        yield from retokenised(one.split.layout, one.split.held_out_places, given)
