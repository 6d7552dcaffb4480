"""A sweep as findings."""

from collections.abc import Sequence

from diffkit import Line, Series, Table
from diffkit_plugins.steering_prefix_study.swept import Swept


def sweep_table(swept: Sequence[Swept]) -> Table:
    """The notebook's table: layer, steps, prefix and continuation, with the baselines' below."""
    first = swept[0]
    given = (first.config.reference, first.config.neutral)
    texts = [*(one.best.text for one in swept), *given]
    said = first.continuations(texts)
    found = [
        (one.layer, one.steps, text, words)
        for one, text, words in zip(swept, texts, said, strict=False)
    ]
    below = [
        (None, None, text, words) for text, words in zip(given, said[len(swept) :], strict=True)
    ]
    return Table(
        title="Prefixes, and what the model says where one is all that a user said (the last two: "
        "the human's and the neutral prefix)",
        columns=("layer", "readings until found", "prefix", "continuation"),
        rows=(*found, *below),
    )


def loss_table(swept: Sequence[Swept]) -> Table:
    """Losses of the prefixes and their baselines."""
    first = swept[0]
    rows = [
        (
            one.layer,
            one.best.loss,
            one.loss,
            one.loss_of(one.config.reference),
            one.loss_of(one.config.neutral),
            one.chance.best,
            one.without,
        )
        for one in swept
    ]
    return Table(
        title=f"Losses in {first.split.held_out.unit}: in training, and then held out",
        columns=(
            "layer",
            "training",
            "held out",
            "human",
            "neutral",
            f"best of {len(first.chance.losses)} random",
            "without a prefix",
        ),
        rows=tuple(rows),
    )


def progress(swept: Sequence[Swept]) -> Series:
    """The best training loss so far against the readings taken, layer by layer."""
    lines = [
        Line(
            name=one.best.optimiser if one.layer is None else f"layer {one.layer}",
            x=tuple(float(point.spent) for point in one.best.found.trail),
            y=tuple(point.loss for point in one.best.found.trail),
        )
        for one in swept
    ]
    return Series(
        title="The best prefix so far, on the training items",
        x_label="readings (one prefix with one item)",
        y_label=swept[0].split.held_out.unit,
        lines=tuple(lines),
    )


def by_layer(swept: Sequence[Swept]) -> Series:
    """Held-out losses of the prefixes and their baselines at each layer."""
    numbered = [(one.layer, one) for one in swept if one.layer is not None]
    ordered = [one for _, one in sorted(numbered, key=lambda pair: pair[0])]
    x = tuple(float(layer) for layer in sorted(layer for layer, _ in numbered))
    lines = {
        "found": [one.loss for one in ordered],
        "human": [one.loss_of(one.config.reference) for one in ordered],
        "neutral": [one.loss_of(one.config.neutral) for one in ordered],
        "best random": [one.chance.best for one in ordered],
        "without a prefix": [one.without for one in ordered],
    }
    return Series(
        title="Held-out losses by layer",
        x_label="layer (block number)",
        y_label=swept[0].split.held_out.unit,
        lines=tuple(Line(name=name, x=x, y=tuple(y)) for name, y in lines.items()),
    )
