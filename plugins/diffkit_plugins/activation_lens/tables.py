"""The shifts as findings."""

from collections.abc import Sequence
from itertools import groupby

from jaxtyping import Float
from torch import Tensor

from diffkit import (
    Candidate,
    Line,
    Model,
    ModelPair,
    Series,
    Table,
    TokenScore,
    TokenTable,
    TokenTrace,
    TracedToken,
)
from diffkit_plugins.activation_lens.lens import lens, promoted
from diffkit_plugins.activation_lens.shift import Shift


def summary(shifts: Sequence[Shift]) -> Table:
    """How far the mean moved in each place, against the stream's norm and against chance."""
    return Table(
        title="How far the mean residual stream moved, Δ = finetuned − base "
        "(signal: ‖mean Δ‖² over what chance between texts alone would give)",
        columns=("layer", "position", "texts", "‖mean Δ‖", "‖mean Δ‖ / ‖base‖",
                 "‖finetuned‖ / ‖base‖", "signal"),
        rows=tuple(
            (s.layer, s.name, s.texts, float(s.mean.norm()), s.relative,
             s.finetuned_norm / s.base_norm if s.base_norm else None, s.signal)
            for s in shifts
        ),
    )  # fmt: skip


def token_table(pair: ModelPair, shift: Shift, count: int) -> TokenTable:
    """The tokens that the mean difference promotes most, with standard errors over texts."""
    scores = promoted(pair, shift)
    best = scores.values.sort(descending=True, stable=True).indices[:count]
    errors = [None] * len(best) if scores.errors is None else scores.errors[best].tolist()
    decode = pair.base.tokenizer.decode
    rows = [
        TokenScore(token=decode([token]), score=score, spread=error)
        for token, score, error in zip(
            best.tolist(), scores.values[best].tolist(), errors, strict=True
        )
    ]
    where = "over all tokens" if shift.position is None else f"at position {shift.position}"
    title = f"Tokens that the mean difference promotes, layer {shift.layer}, {where}"
    return TokenTable(title=title, unit="logits above the vocabulary's mean", rows=tuple(rows))


def sides(pair: ModelPair, shifts: Sequence[Shift], count: int) -> TokenTrace:
    """What each side's own mean says in each place of one layer, by its own unembedding."""
    tokens = [
        TracedToken(
            token=f"[{shift.name}]",
            score=shift.relative,
            base=_likeliest(pair, pair.base, shift.base, count),
            finetuned=_likeliest(pair, pair.finetuned, shift.base + shift.mean, count),
        )
        for shift in shifts
    ]
    return TokenTrace(
        title=f"What each side's own mean says by position, layer {shifts[0].layer}",
        unit="‖mean Δ‖ / ‖base‖",
        tokens=tuple(tokens),
    )


def _likeliest(
    pair: ModelPair, side: Model, mean: Float[Tensor, " hidden"], count: int
) -> tuple[Candidate, ...]:
    best = lens(side, mean, pair.vocabulary).softmax(dim=-1).sort(descending=True, stable=True)
    pairs = zip(best.indices[:count].tolist(), best.values[:count].tolist(), strict=True)
    decode = pair.base.tokenizer.decode
    return tuple(Candidate(token=decode([token]), probability=min(1.0, p)) for token, p in pairs)


def by_position(shifts: Sequence[Shift]) -> Series:
    """The relative norm over positions, a line for each layer."""
    lines = []
    for layer, row in groupby(shifts, key=lambda shift: shift.layer):
        points = [(float(s.position), s.relative) for s in row if s.position is not None]
        x, y = zip(*points, strict=True) if points else ((), ())
        lines.append(Line(name=f"layer {layer}", x=x, y=y))
    return Series(
        title="How far the mean moved, by position",
        x_label="position, tokens from the text's first",
        y_label="‖mean Δ‖ / ‖base‖",
        lines=tuple(lines),
    )
