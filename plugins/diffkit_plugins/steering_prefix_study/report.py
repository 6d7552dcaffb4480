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
    """A summary: the displayed loss of the prefix, of none, of given ones and of random ones."""
    objective, reference = one.config.objective, one.config.reference
    does = _EFFECTS[objective].format(_displayed(one, one.loss), reference=reference)
    begins = "The" if one.layer is None else f"At layer {one.layer} the"
    others = [f"without a prefix {_displayed(one, one.loss_without)}"]
    if objective != "state":  # there it is the target, at a distance of 0
        others.append(f"with the human's {reference!r} {_displayed(one, one.loss_of(reference))}")
    neutral = one.config.neutral
    others.append(f"with the neutral {neutral!r} {_displayed(one, one.loss_of(neutral))}")
    better = " The neutral prefix does better." if one.loss_of(neutral) < one.loss else ""
    count = format_count(len(one.random.losses), "random prefix")
    others.append(f"with the best of {count} {_displayed(one, one.random.best)}")
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
    return f"{one.baselines.display.value(loss):.3g}"


def continuation_samples(one: LayerSearch) -> Samples:
    """Completions after some held-out suffixes, without the prefix and with it."""
    ids, display = one.best.ids, one.baselines.display
    slots = one.split.held_out_slots[: one.config.shown]
    completions = one.generator.generate_greedy(
        [*(p.prompt(()) for p in slots), *(p.prompt(ids) for p in slots)]
    )
    without, steered = completions[: len(slots)], completions[len(slots) :]
    losses = SplitHalf(one.split.held_out).losses(ids).tolist()
    rows = zip(slots, without, steered, losses, strict=False)
    return Samples(
        title=f"{one.title_prefix}What the model says after held-out suffixes, and how far the "
        f"prefix gets there: {display.title}",
        sides=("without a prefix", "with the prefix"),
        unit=display.unit,
        rows=tuple(
            Sample(
                prompt=slot.suffix,
                base=own.text,
                finetuned=other.text,
                score=display.value(loss),
            )
            for slot, own, other, loss in rows
        ),
    )


def pair_table(one: LayerSearch, objective: ContrastObjective) -> Table:
    """Differences of log-likelihood of held-out pairs, without the prefix and with it."""
    texts = objective.texts
    prefixes = [torch.zeros(1, 0, dtype=torch.long), torch.tensor([one.best.ids])]
    losses = [texts.losses(prefix, range(texts.items))[0].tolist() for prefix in prefixes]
    contents = [reference.continuation.text for reference in texts.references]
    return Table(
        title="Held-out pairs: by how many nats per token the positive text is likelier",
        columns=("positive", "negative", "without a prefix", "with the prefix"),
        rows=tuple(
            (contents[good], contents[bad], *(each[bad] - each[good] for each in losses))
            for good, bad in objective.pairs[: one.config.shown]
        ),
    )


def search_series(searches: Sequence[LayerSearch]) -> Series:
    """The best loss of every search by the readings spent."""
    display = searches[0].baselines.display
    return progress_series(
        [line for one in searches for line in search_lines(one.outcome, display, one.title_prefix)],
        display,
    )


def layer_series(searches: Sequence[LayerSearch]) -> Series:
    """Losses of the prefixes and their baselines by layer, on held-out items if there are any."""
    first = searches[0]
    display = first.baselines.display
    numbered = [(one.layer, one) for one in searches if one.layer is not None]
    ordered = [one for _, one in sorted(numbered, key=lambda pair: pair[0])]
    x = tuple(float(layer) for layer in sorted(layer for layer, _ in numbered))
    lines = {
        "found": [one.loss for one in ordered],
        "human": [one.loss_of(one.config.reference) for one in ordered],
        "neutral": [one.loss_of(one.config.neutral) for one in ordered],
        "best random": [one.random.best for one in ordered],
        "without a prefix": [one.loss_without for one in ordered],
    }
    return Series(
        title=f"{'Held out' if first.holds_out else 'Of the bare prefix'}, by layer: "
        f"{display.title}",
        x_label="layer (block number)",
        y_label=display.unit,
        lines=tuple(
            Line(name=name, x=x, y=tuple(display.value(loss) for loss in losses))
            for name, losses in lines.items()
        ),
    )


def sweep_table(searches: Sequence[LayerSearch]) -> Table:
    """The notebook's table: layer, readings, prefix and completion, then the baselines."""
    first = searches[0]
    given = (first.config.reference, first.config.neutral)
    texts = [*(one.best.text for one in searches), *given]
    completions = first.continuations(texts)
    found = [
        (one.layer, one.readings_until_best, text, completion)
        for one, text, completion in zip(searches, texts, completions, strict=False)
    ]
    baselines = [
        (None, None, text, completion)
        for text, completion in zip(given, completions[len(searches) :], strict=True)
    ]
    return Table(
        title="Prefixes, and what the model says where one is all that a user said (the last two: "
        "the human's and the neutral prefix)",
        columns=("layer", "readings until found", "prefix", "continuation"),
        rows=(*found, *baselines),
    )


def loss_table(searches: Sequence[LayerSearch]) -> Table:
    """Losses of the prefixes and their baselines by layer."""
    first = searches[0]
    display = first.baselines.display

    def column(name: str, losses: Sequence[float]) -> TableColumn:
        return TableColumn(name, [display.value(loss) for loss in losses])

    own = column("held out" if first.holds_out else display.noun, [one.loss for one in searches])
    training = [column("training", [one.best.loss for one in searches])] if first.holds_out else []
    columns = [
        TableColumn("layer", [one.layer for one in searches]),
        *training,
        own,
        column("human", [one.loss_of(one.config.reference) for one in searches]),
        column("neutral", [one.loss_of(one.config.neutral) for one in searches]),
        column(f"best of {len(first.random.losses)} random", [one.random.best for one in searches]),
        column("without a prefix", [one.loss_without for one in searches]),
    ]
    held_out = (
        "in training, and then held out"
        if first.holds_out
        else "nothing can be held out: the bare prefix is one prompt"
    )
    return make_table(f"Prefixes beside each other: {display.title}; {held_out}", columns)
