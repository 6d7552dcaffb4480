"""Turns mean shifts and causal tests into findings.

Takes results of the other modules. Gives tables, traces, series and samples.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress, groupby
from statistics import fmean

import torch

from diffkit import (
    Completion,
    Line,
    ModelPair,
    Sample,
    Samples,
    Series,
    Table,
    TokenTable,
    TokenTrace,
)
from diffkit.analysis import token_table, trace_tokens
from diffkit_plugins.activation_lens.ablation import AblationEffects
from diffkit_plugins.activation_lens.lenses import LensResult, logit_lens
from diffkit_plugins.activation_lens.mean_shift import Direction, MeanShift
from diffkit_plugins.activation_lens.patchscope import PatchscopeResult
from diffkit_plugins.activation_lens.steering import Coherence, SteeringResult, SteeringSearch


def shift_table(shifts: Sequence[MeanShift], results: Sequence[LensResult]) -> Table:
    """A row for each layer and slot: the size of the mean shift, relative to the norm and noise."""
    passing = {(r.shift.layer, r.shift.slot): r.passing for r in results}
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


def concentration_table(concentrations: Mapping[int, float]) -> Table:
    """The concentration of each layer's differences."""
    return Table(
        title="How few directions the differences at single tokens take",
        columns=("layer", "concentration", "directions as good as taken"),
        rows=tuple(
            (layer, value, 1 / value if value else None) for layer, value in concentrations.items()
        ),
    )


def side_trace(pair: ModelPair, shifts: Sequence[MeanShift], count: int) -> TokenTrace:
    """The top tokens of each side's mean in every slot of one layer, by its own unembedding."""
    base = torch.stack([shift.base for shift in shifts])
    finetuned = base + torch.stack([shift.mean for shift in shifts])
    q, p = (
        logit_lens(side, means, pair.vocabulary).softmax(dim=-1)
        for side, means in ((pair.base, base), (pair.finetuned, finetuned))
    )
    tokens = trace_tokens(
        pair.base.tokenizer,
        [f"[{shift.name}]" for shift in shifts],
        [shift.relative for shift in shifts],
        base=q,
        finetuned=p,
        candidates=count,
    )
    return TokenTrace(
        title=f"What each side's own mean says by slot, layer {shifts[0].layer}",
        unit="‖mean Δ‖ / ‖base‖",
        tokens=tokens,
    )


def norms_by_position(shifts: Sequence[MeanShift]) -> Series:
    """The relative norm of the mean shift by position, with a line for each layer."""
    lines = []
    for layer, row in groupby(shifts, key=lambda shift: shift.layer):
        first = (shift for shift in row if shift.slot.anchor == "first")
        points = [(float(shift.slot.offset), shift.relative) for shift in first]
        if points:
            x, y = zip(*points, strict=True)
            lines.append(Line(name=f"layer {layer}", x=x, y=y))
    return Series(
        title="How far the mean moved, by position",
        x_label="position, tokens from the text's first that is read",
        y_label="‖mean Δ‖ / ‖base‖",
        lines=tuple(lines),
    )


def ablation_table(directions: Sequence[Direction], effects: AblationEffects) -> Table:
    """A row for each direction: what its ablation removes, beside random directions.

    Args:
        directions: the directions of one layer.
        effects: the effects of these directions, then of random ones.
    """
    columns = [effects.removed, effects.removed_error, effects.loss, effects.loss_error]
    removed, removed_error, loss, loss_error = (column.tolist() for column in columns)
    random_removed, random_loss = removed[len(directions) :], loss[len(directions) :]
    return Table(
        title=f"What the finetuned side loses without its difference from the base along mean Δ, "
        f"layer {directions[0].layer} (random: along {len(random_removed)} random directions)",
        columns=("slot", "share of KL(finetuned ‖ base) removed", "± one standard error",
                 "random, mean", "random, largest", "change of loss, nats per token",
                 "± one standard error", "random, mean"),
        rows=tuple(
            (direction.name, removed[i], removed_error[i], fmean(random_removed),
             max(random_removed), loss[i], loss_error[i], fmean(random_loss))
            for i, direction in enumerate(directions)
        ),
    )  # fmt: skip


def steering_table(results: Sequence[SteeringResult], search: SteeringSearch) -> Table:
    """A row for each direction: its largest coherent strength and the coherence there.

    Args:
        results: the steering results.
        search: the search that made them.
    """
    return Table(
        title="Steering: the largest strength that leaves text coherent, in multiples of the "
        "stream's norm, beside a random vector of the same norm",
        columns=("layer", "slot", "strength", "coherent share", "random: coherent share",
                 "distinct pairs", "random: distinct", "unsteered: distinct",
                 "base's log likelihood, nats per token", "random: log likelihood",
                 "unsteered: log likelihood"),
        rows=tuple(
            (one.steered.direction.layer, one.steered.direction.name, one.steered.strength,
             search.coherent_share(one.steered), search.coherent_share(one.control),
             *(fmean(c.distinct for c in each) for each in _coherences(one, search)),
             *(fmean(c.log_likelihood for c in each) for each in _coherences(one, search)))
            for one in results
        ),
    )  # fmt: skip


def _coherences(one: SteeringResult, search: SteeringSearch) -> tuple[Sequence[Coherence], ...]:
    return one.steered.coherences, one.control.coherences, search.references


def steered_samples(
    title: str, name: str, before: Sequence[Completion], steered: Sequence[Completion]
) -> Samples:
    """Steered completions beside others of the same prompts.

    Args:
        title: title of the finding.
        name: name of the other completions.
        before: the other completions.
        steered: the steered completions.
    """
    rows = tuple(
        Sample(prompt=one.prompt, base=one.text, finetuned=other.text)
        for one, other in zip(before, steered, strict=True)
    )
    return Samples(title=title, sides=(name, "steered"), rows=rows)


def changed_samples(search: SteeringSearch, result: SteeringResult, side: str) -> Iterator[Samples]:
    """The completions that steering changed, beside unsteered ones and beside the control.

    Args:
        search: the search that made the result.
        result: the steering result.
        side: name of the side that was steered.
    """
    direction, steered = result.steered.direction, result.steered.completions
    along = f"along mean Δ, layer {direction.layer}, slot {direction.name}"
    title = f"The {side} side steered {along}, strength {result.steered.strength:g}"
    others = {"unsteered": search.unsteered, "by a random vector": result.control.completions}
    pairs = zip(steered, search.unsteered, strict=True)
    changed = [own.text != before.text for own, before in pairs]
    for name, before in others.items():
        yield steered_samples(
            title, name, tuple(compress(before, changed)), tuple(compress(steered, changed))
        )


def patchscope_table(pair: ModelPair, result: PatchscopeResult, count: int) -> TokenTable:
    """The tokens that all identity prompts decode from a direction rather than from random ones."""
    direction = result.direction
    title = (
        f"Patchscope: tokens that identity prompts make of mean Δ, layer {direction.layer}, slot "
        f"{direction.name}, {result.scale:g} times the stream's norm (prompts overlap by "
        f"{result.agreement:+.2f} against random vectors)"
    )
    unit = "nats above random vectors in the prompt where it is least so"
    return token_table(title, result.scores, pair.base.tokenizer, count, unit=unit, positive=False)
