"""A sweep as curves."""

from collections.abc import Sequence

from diffkit import Line, Series
from diffkit_plugins.steering_prefix.curves import courses, progress
from diffkit_plugins.steering_prefix_study.swept import Swept


def searching(swept: Sequence[Swept]) -> Series:
    """The best so far of every search against the readings taken, layer by layer."""
    measure = swept[0].baselines.measure
    return progress(
        [line for one in swept for line in courses(one.searched, measure, one.where)], measure
    )


def by_layer(swept: Sequence[Swept]) -> Series:
    """Losses of the prefixes and their baselines at each layer, held out where they can be."""
    first = swept[0]
    measure = first.baselines.measure
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
        title=f"{'Held out' if first.holds_out else 'Of the bare prefix'}, by layer: "
        f"{measure.title}",
        x_label="layer (block number)",
        y_label=measure.unit,
        lines=tuple(
            Line(name=name, x=x, y=tuple(measure.of(loss) for loss in losses))
            for name, losses in lines.items()
        ),
    )
