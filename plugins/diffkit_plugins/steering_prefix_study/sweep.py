"""``state``, ``direction`` and ``contrast``: searches without reference completions."""

from collections.abc import Iterator, Sequence

from diffkit import Finding, Findings, Model, RunContext, UserError
from diffkit_plugins.steering_prefix.contrast import contrast_split
from diffkit_plugins.steering_prefix.direction import direction_split, read_vector
from diffkit_plugins.steering_prefix.split import Split
from diffkit_plugins.steering_prefix.state import state_split
from diffkit_plugins.steering_prefix.worth import token_table
from diffkit_plugins.steering_prefix_study import tables
from diffkit_plugins.steering_prefix_study.config import SteeringPrefixStudyConfig
from diffkit_plugins.steering_prefix_study.swept import Swept


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
    yield tables.sweep_table(swept)
    yield tables.loss_table(swept)
    if len(swept) == 1:
        yield token_table(swept[0].split.held_out, swept[0].best.ids)
    yield tables.progress(swept)
    if len(swept) > 1:
        yield tables.by_layer(swept)
