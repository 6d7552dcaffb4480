"""Prefixes beside each other, in tables."""

from collections.abc import Sequence

from diffkit import Table
from diffkit_plugins.steering_prefix.agreement import Agreement
from diffkit_plugins.steering_prefix.chance import Chance
from diffkit_plugins.steering_prefix.completion_half import CompletionHalf
from diffkit_plugins.steering_prefix.evaluation import Standing

Row = tuple[str | int | float | None, ...]


def loss_table(standings: Sequence[Standing], training: CompletionHalf,
               held_out: CompletionHalf,
               chance: Chance) -> Table:  # fmt: skip
    """Losses of the prefix, its baselines and random prefixes."""
    gap = held_out.half.gap
    rows: list[Row] = [
        (
            standing.name,
            standing.text,
            standing.training.loss,
            standing.held_out.loss,
            gap.closed(standing.held_out.loss),
            standing.held_out.entropy,
            standing.held_out.entropy - held_out.entropy_floor,
        )
        for standing in standings
    ]
    count = len(chance.losses)
    for name, loss in ((f"best of {count} random", chance.best), ("median random", chance.median)):
        rows.append((name, None, None, loss, gap.closed(loss), None, None))
    floors = (training.half.gap.floor, gap.floor)
    rows.append(("the reference itself", None, *floors, 1.0, held_out.entropy_floor, 0.0))
    return Table(
        title="Prefixes beside each other: losses in nats per token; gap and CE (cross-entropy) "
        "of held-out suffixes; random ones are of the length that is searched for",
        columns=(
            "which",
            "prefix",
            "training",
            "held out",
            "gap closed",
            "CE",
            "CE above the reference's",
        ),
        rows=tuple(rows),
    )


def agreement_table(standings: Sequence[Standing], first: int) -> Table:
    """How far completions under each prefix are the reference's.

    Args:
        standings: the prefixes.
        first: K of exact@K.
    """
    rows: list[Row] = []
    for standing in standings:
        halves = (
            ("held out, greedy", standing.held_out.greedy),
            ("held out, sampled", standing.held_out.sampled),
            ("training, greedy", standing.training.greedy),
        )
        rows += [_row(standing.name, name, found) for name, found in halves if found is not None]
    return Table(
        title="Completions under each prefix beside the reference's: shares",
        columns=("which", "suffixes", "exact", f"first {first} tokens exact", "tokens that agree"),
        rows=tuple(rows),
    )


def _row(which: str, half: str, found: Agreement) -> Row:
    return which, half, found.exact, found.exact_first, found.tokens
