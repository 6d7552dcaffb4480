"""The shifts as findings."""

from collections.abc import Mapping, Sequence
from itertools import groupby

import torch

from diffkit import (
    Line,
    ModelPair,
    Series,
    Table,
    TokenTrace,
    TracedToken,
    likeliest,
)
from diffkit_plugins.activation_lens.lens import lens
from diffkit_plugins.activation_lens.promotions import Promotion
from diffkit_plugins.activation_lens.shift import Shift


def summary(shifts: Sequence[Shift], promoted: Sequence[Promotion]) -> Table:
    """How far the mean moved in each place, against the stream's norm and against chance."""
    passing = {(p.shift.layer, p.shift.slot): p.passing for p in promoted}
    return Table(
        title="How far the mean residual stream moved, Δ = finetuned − base "
        "(signal: ‖mean Δ‖² over what chance between texts alone would give; "
        "tokens promoted: by more than noise)",
        columns=("layer", "slot", "texts", "‖mean Δ‖", "‖mean Δ‖ / ‖base‖",
                 "‖finetuned‖ / ‖base‖", "signal", "tokens promoted"),
        rows=tuple(
            (s.layer, s.name, s.texts, float(s.mean.norm()), s.relative,
             s.finetuned_norm / s.base_norm if s.base_norm else None, s.signal,
             passing.get((s.layer, s.slot), 0))
            for s in shifts
        ),
    )  # fmt: skip


def spread(concentrated: Mapping[int, float]) -> Table:
    """How few directions the differences at single tokens take, layer by layer."""
    return Table(
        title="How few directions the differences at single tokens take",
        columns=("layer", "concentration", "directions as good as taken"),
        rows=tuple(
            (layer, value, 1 / value if value else None) for layer, value in concentrated.items()
        ),
    )


def sides(pair: ModelPair, shifts: Sequence[Shift], count: int) -> TokenTrace:
    """What each side's own mean says in each slot of one layer, by its own unembedding."""
    base = torch.stack([shift.base for shift in shifts])
    finetuned = base + torch.stack([shift.mean for shift in shifts])
    said = (
        likeliest(pair.base.tokenizer, lens(side, means, pair.vocabulary).softmax(dim=-1), count)
        for side, means in ((pair.base, base), (pair.finetuned, finetuned))
    )
    tokens = [
        TracedToken(token=f"[{shift.name}]", score=shift.relative, base=one, finetuned=other)
        for shift, one, other in zip(shifts, *said, strict=True)
    ]
    return TokenTrace(
        title=f"What each side's own mean says by slot, layer {shifts[0].layer}",
        unit="‖mean Δ‖ / ‖base‖",
        tokens=tuple(tokens),
    )


def by_position(shifts: Sequence[Shift]) -> Series:
    """The relative norm over positions, a line for each layer."""
    lines = []
    for layer, row in groupby(shifts, key=lambda shift: shift.layer):
        first = (shift for shift in row if shift.slot.anchor == "first")
        points = [(float(shift.slot.offset), shift.relative) for shift in first]
        if points:
            x, y = zip(*points, strict=True)
            lines.append(Line(name=f"layer {layer}", x=x, y=y))
    return Series(
        title="How far the mean moved, by position",
        x_label="position, tokens from the text's first",
        y_label="‖mean Δ‖ / ‖base‖",
        lines=tuple(lines),
    )
