"""What is said after held-out suffixes, and which held-out texts are favoured."""

import torch

from diffkit import Sample, Samples, Table
from diffkit_plugins.steering_prefix.contrast import ContrastObjective
from diffkit_plugins.steering_prefix.half import Half
from diffkit_plugins.steering_prefix_study.swept import Swept


def continuations(one: Swept) -> Samples:
    """What the model says after a few held-out suffixes, without the prefix and with it."""
    ids, measure = one.best.ids, one.baselines.measure
    places = one.split.held_out_places[: one.config.shown]
    said = one.speaker.likeliest(
        [*(p.prompt(()) for p in places), *(p.prompt(ids) for p in places)]
    )
    without, under = said[: len(places)], said[len(places) :]
    losses = Half(one.split.held_out).losses(ids).tolist()
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


def pairs(one: Swept, objective: ContrastObjective) -> Table:
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
