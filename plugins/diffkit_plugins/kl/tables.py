"""The scan's numbers as findings."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit import Line, Series, Table, TokenScore, TokenTable
from diffkit_plugins.kl.scan import Scan
from diffkit_plugins.kl.spread import Spread


def token_tables(found: Scan, tokenizer: Any, count: int) -> tuple[TokenTable, TokenTable]:
    """What the finetuned model says that the base finds implausible, and the reverse."""
    return (
        _tokens(
            "Tokens that carry KL(finetuned‖base): what the finetuned model would rather say",
            found.towards_finetuned / found.tokens,
            tokenizer,
            count,
        ),
        _tokens(
            "Tokens that carry KL(base‖finetuned): what the base would have said instead",
            found.towards_base / found.tokens,
            tokenizer,
            count,
        ),
    )


def _tokens(
    title: str, scores: Float[Tensor, " vocabulary"], tokenizer: Any, count: int
) -> TokenTable:
    """The largest contributions; those at or below 0 carry nothing and are left out."""
    best = scores.sort(descending=True, stable=True)
    pairs = zip(best.indices[:count].tolist(), best.values[:count].tolist(), strict=True)
    rows = [TokenScore(token=tokenizer.decode([i]), score=score) for i, score in pairs if score > 0]
    return TokenTable(title=title, unit="nats per token read", rows=tuple(rows))


def summary(found: Scan) -> Table:
    """Mean, quantiles and largest value of each divergence, and how often the sides agree."""
    same = found.agreements / found.tokens
    rows = [(name, *_row(spread)) for name, spread in _named(found)]
    return Table(
        title=f"Divergences over {found.tokens} tokens, nats per token (quantiles to within 12 %)",
        columns=("", "mean", "median", "90 %", "99 %", "largest"),
        rows=(*rows, ("share with the same likeliest token", same, None, None, None, None)),
    )


def _row(spread: Spread) -> tuple[float, ...]:
    return (spread.mean, *(spread.quantile(q) for q in (0.5, 0.9, 0.99)), spread.largest)


def distribution(found: Scan) -> Series:
    """How the divergences are spread, in bins that are equally wide on a logarithmic axis."""
    return Series(
        title="Distribution of the divergences over tokens",
        x_label="nats per token",
        y_label="share of tokens",
        lines=tuple(_line(name, spread, found.tokens) for name, spread in _named(found)),
        log_x=True,
    )


def _line(name: str, spread: Spread, tokens: int) -> Line:
    """Bins between the lowest and the highest that hold anything, each at its middle."""
    edges, counts = spread.histogram.edges, spread.histogram.counts
    assert counts is not None  # noqa: S101 - the scan saw at least one token
    counts = counts[1:-1]
    held = counts.nonzero()[:, 0].tolist()
    bins = slice(held[0], held[-1] + 1) if held else slice(0, 0)
    middles = (edges[:-1] * edges[1:]).sqrt()[bins]
    return Line(name=name, x=tuple(middles.tolist()), y=tuple((counts[bins] / tokens).tolist()))


def _named(found: Scan) -> tuple[tuple[str, Spread], ...]:
    return (
        ("KL(finetuned‖base)", found.kl_pq),
        ("KL(base‖finetuned)", found.kl_qp),
        ("JSD", found.jsd),
    )
