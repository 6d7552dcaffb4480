"""Prefixes beside each other, in tables."""

from collections.abc import Sequence

from diffkit import Table
from diffkit_plugins.steering_prefix.agreement import Agreement
from diffkit_plugins.steering_prefix.chance import Chance
from diffkit_plugins.steering_prefix.completion_half import CompletionHalf
from diffkit_plugins.steering_prefix.evaluation import Standing
from diffkit_plugins.steering_prefix.half import Half
from diffkit_plugins.steering_prefix.searched import Search

Row = tuple[str | int | float | None, ...]


def found_table(searches: Sequence[Search], losses: Sequence[float], half: Half,
                chance: Chance) -> Table:  # fmt: skip
    """The prefixes that were found, and how each does on suffixes that the search never saw.

    Args:
        searches: the result first.
        losses: a mean held-out loss of each.
        half: the held-out suffixes.
        chance: random prefixes on them.
    """
    rows = [
        (
            search.text,
            half.gap.closed(loss),
            half.gap.closed(chance.best),
            chance.p(loss),
            loss,
            half.gap.empty,
            search.loss,
        )
        for search, loss in zip(searches, losses, strict=True)
    ]
    return Table(
        title=f"The prefix on {half.objective.items} held-out items: share of the gap closed, also "
        f"by the best of {len(chance.losses)} random prefixes; losses in {half.objective.unit}",
        columns=(
            "prefix",
            "gap closed",
            "best random",
            "p",
            "loss",
            "loss without",
            "training loss",
        ),
        rows=tuple(rows),
    )


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
        "of held-out suffixes",
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


def comparison_table(compared: Sequence[Search], losses: Sequence[float], half: Half) -> Table:
    """Every optimiser with the same budget.

    Args:
        compared: one search with each.
        losses: a mean held-out loss of each one's prefix.
        half: the held-out suffixes.
    """
    rows = [
        (
            search.optimiser,
            search.text,
            search.loss,
            loss,
            half.gap.closed(loss),
            "; ".join(f"{stage} {value:.3g}" for stage, value in search.found.stages) or None,
        )
        for search, loss in zip(compared, losses, strict=True)
    ]
    return Table(
        title="Every optimiser with the same budget of readings: losses in nats per token",
        columns=(
            "optimiser",
            "prefix",
            "training",
            "held out",
            "gap closed",
            "training loss after each stage",
        ),
        rows=tuple(rows),
    )
