"""The findings of a sweep over layers: notes, tables, texts and curves.

Takes the searches of a sweep. Gives findings.
"""

from collections.abc import Sequence

import torch

from diffkit import Line, Note, Sample, Samples, Series, Table
from diffkit_plugins.steering_prefix.baselines import SplitHalf, format_count
from diffkit_plugins.steering_prefix.objectives.contrast import ContrastObjective
from diffkit_plugins.steering_prefix.report.curves import progress_series, search_lines
from diffkit_plugins.steering_prefix.report.notes import no_step_note
from diffkit_plugins.steering_prefix.report.tables import TableColumn, make_table
from diffkit_plugins.steering_prefix_study.layer_search import LayerSearch

_EFFECTS = {
    "state": "leaves the residual stream a distance (1 − cosine) of {} from where the reference "
    "{reference!r} puts it",
    "direction": "reaches {} along the vector",
    "contrast": "leaves a loss of {} nats where positive texts are to be likelier than negative "
    "ones",
}


def layer_note(one: LayerSearch) -> Note:
    """How far the prefix gets beside none, given ones and random ones, and whether it steers."""
    objective, reference = one.config.objective, one.config.reference
    does = _EFFECTS[objective].format(_displayed(one, one.loss), reference=reference)
    begins = "The" if one.layer is None else f"At layer {one.layer} the"
    others = [f"without a prefix {_displayed(one, one.without)}"]
    if objective != "state":  # there it is what is to be reached, at a distance of 0
        others.append(f"with the human's {reference!r} {_displayed(one, one.loss_of(reference))}")
    neutral = one.config.neutral
    others.append(f"with the neutral {neutral!r} {_displayed(one, one.loss_of(neutral))}")
    better = " The neutral prefix does better." if one.loss_of(neutral) < one.loss else ""
    count = format_count(len(one.chance.losses), "random prefix")
    others.append(f"with the best of {count} {_displayed(one, one.chance.best)}")
    return Note(
        text=f"{begins} prefix {one.best.text!r} {does} {_items_text(one)}: {', '.join(others)}. "
        f"{one.baselines.verdict(one.loss)}{better}{no_step_note(one.best)}"
    )


def _items_text(one: LayerSearch) -> str:
    if not one.holds_out:
        return "(nothing can be held out: the bare prefix is one prompt)"
    item = "pair" if one.config.objective == "contrast" else "suffix"
    return f"on {format_count(one.split.held_out.items, item)} that the search never saw"


def _displayed(one: LayerSearch, loss: float) -> str:
    return f"{one.baselines.measure.of(loss):.3g}"


def continuation_samples(one: LayerSearch) -> Samples:
    """What the model says after a few held-out suffixes, without the prefix and with it."""
    ids, measure = one.best.ids, one.baselines.measure
    places = one.split.held_out_places[: one.config.shown]
    said = one.speaker.likeliest(
        [*(p.prompt(()) for p in places), *(p.prompt(ids) for p in places)]
    )
    without, under = said[: len(places)], said[len(places) :]
    losses = SplitHalf(one.split.held_out).losses(ids).tolist()
    rows = zip(places, without, under, losses, strict=False)
    return Samples(
        title=f"{one.where}What the model says after held-out suffixes, and how far the prefix "
        f"gets there: {measure.title}",
        sides=("without a prefix", "with the prefix"),
        unit=measure.unit,
        rows=tuple(
            Sample(
                prompt=place.suffix, base=own.text, finetuned=steered.text, score=measure.of(loss)
            )
            for place, own, steered, loss in rows
        ),
    )


def pair_table(one: LayerSearch, objective: ContrastObjective) -> Table:
    """By how much each held-out pair's positive text is likelier, without and with the prefix."""
    texts = objective.texts
    prefixes = [torch.zeros(1, 0, dtype=torch.long), torch.tensor([one.best.ids])]
    lost = [texts.losses(prefix, range(texts.items))[0].tolist() for prefix in prefixes]
    words = [reference.continuation.text for reference in texts.references]
    return Table(
        title="Held-out pairs: by how many nats per token the positive text is likelier",
        columns=("positive", "negative", "without a prefix", "with the prefix"),
        rows=tuple(
            (words[good], words[bad], *(each[bad] - each[good] for each in lost))
            for good, bad in objective.pairs[: one.config.shown]
        ),
    )


def search_series(swept: Sequence[LayerSearch]) -> Series:
    """The best so far of every search against the readings taken, layer by layer."""
    measure = swept[0].baselines.measure
    return progress_series(
        [line for one in swept for line in search_lines(one.searched, measure, one.where)], measure
    )


def layer_series(swept: Sequence[LayerSearch]) -> Series:
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


def sweep_table(swept: Sequence[LayerSearch]) -> Table:
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


def loss_table(swept: Sequence[LayerSearch]) -> Table:
    """Losses of the prefixes and their baselines."""
    first = swept[0]
    measure = first.baselines.measure

    def column(name: str, losses: Sequence[float]) -> TableColumn:
        return TableColumn(name, [measure.of(loss) for loss in losses])

    own = column("held out" if first.holds_out else measure.noun, [one.loss for one in swept])
    training = [column("training", [one.best.loss for one in swept])] if first.holds_out else []
    columns = [
        TableColumn("layer", [one.layer for one in swept]),
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
    return make_table(f"Prefixes beside each other: {measure.title}; {held_out}", columns)
