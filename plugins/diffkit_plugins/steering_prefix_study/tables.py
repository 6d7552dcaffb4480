"""A sweep as findings."""

from collections.abc import Sequence

from diffkit import Line, Sample, Samples, Series, Table
from diffkit_plugins.steering_prefix_study.swept import Swept


def sweep_table(swept: Sequence[Swept]) -> Table:
    """The notebook's table: layer, steps, prefix and continuation, with losses beside."""
    rows = [
        (
            one.layer,
            one.steps,
            one.best.text,
            one.continuations([one.best.text])[0],
            one.best.loss,
            one.loss,
            one.loss_of(one.config.reference),
            one.loss_of(one.config.neutral),
            one.chance.best,
            one.without,
        )
        for one in swept
    ]
    first = swept[0]
    return Table(
        title="Prefixes, what the model says where one is all that a user said, and losses in "
        f"{first.split.held_out.unit} (held out but for the first)",
        columns=(
            "layer",
            "readings until found",
            "prefix",
            "continuation",
            "training",
            "held out",
            "human",
            "neutral",
            f"best of {len(first.chance.losses)} random",
            "without a prefix",
        ),
        rows=tuple(rows),
    )


def continuations(swept: Sequence[Swept]) -> Samples:
    """What the model says after each prefix, beside what it says after the human one."""
    human = swept[0].continuations([swept[0].config.reference])[0]
    rows = [
        Sample(
            prompt=one.best.text if one.layer is None else f"layer {one.layer}: {one.best.text}",
            base=human,
            finetuned=one.continuations([one.best.text])[0],
            score=one.loss,
        )
        for one in swept
    ]
    return Samples(
        title=f"What the model says where the prefix is all that a user said, and where "
        f"{swept[0].config.reference!r} is",
        sides=("with the human's prefix", "with the prefix"),
        unit=swept[0].split.held_out.unit,
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
    ordered = sorted((one for one in swept if one.layer is not None), key=lambda one: one.layer)
    x = tuple(float(one.layer) for one in ordered)
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
