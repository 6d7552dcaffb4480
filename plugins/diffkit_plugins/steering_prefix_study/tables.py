"""A sweep as findings."""

from collections.abc import Sequence

from diffkit import Table
from diffkit_plugins.steering_prefix.columns import Column, table
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
    measure = first.baselines.measure

    def column(name: str, losses: Sequence[float]) -> Column:
        return Column(name, [measure.of(loss) for loss in losses])

    own = column("held out" if first.holds_out else measure.noun, [one.loss for one in swept])
    training = [column("training", [one.best.loss for one in swept])] if first.holds_out else []
    columns = [
        Column("layer", [one.layer for one in swept]),
        *training,
        own,
        column("human", [one.loss_of(one.config.reference) for one in swept]),
        column("neutral", [one.loss_of(one.config.neutral) for one in swept]),
        column(f"best of {len(first.chance.losses)} random", [one.chance.best for one in swept]),
        column("without a prefix", [one.without for one in swept]),
    ]
    held_out = (
        "in training, and then held out"
        if first.holds_out
        else "nothing can be held out: the bare prefix is one prompt"
    )
    return table(f"Prefixes beside each other: {measure.title}; {held_out}", columns)
