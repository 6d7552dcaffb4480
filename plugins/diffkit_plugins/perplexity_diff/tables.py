"""The survey's numbers as findings."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Line, Series, Table
from diffkit.statistics import sign_flip_p
from diffkit_plugins.perplexity_diff.survey import Scored, Survey

_QUANTILES = (0.5, 0.9, 0.95)


def metrics(found: Survey) -> dict[str, float]:
    """Means of both sides' samples, and whether labels exchanged do as well.

    ``span_exchange_p`` is the p-value of the difference of mean span scores under exchanges of
    finetuned and base within each opening: above 0.05, the samples do not tell the sides apart.
    """
    finetuned, base = span_scores(found.finetuned), span_scores(found.base)
    found_p = sign_flip_p((finetuned - base).numpy())
    return {
        "kl_finetuned_base_nats_per_token": _mean_ratio(found.finetuned),
        "kl_base_finetuned_nats_per_token": -_mean_ratio(found.base),
        "span_nats_finetuned": float(finetuned.mean()),
        "span_nats_base": float(base.mean()),
        "span_exchange_p": 1.0 if found_p is None else found_p,
        "samples_per_side": float(len(finetuned)),
    }


def _mean_ratio(scored: Sequence[Scored]) -> float:
    ratios = torch.cat([one.ratios for one in scored])
    return float(ratios.mean()) if len(ratios) else 0.0


def summary(found: Survey) -> Table:
    """Ratios of tokens, samples and spans, for both sides' samples."""
    sides = (("finetuned", found.finetuned), ("base", found.base))
    rows = []
    for side, scored in sides:
        tokens = torch.cat([one.ratios for one in scored])
        totals = torch.tensor([one.total for one in scored], dtype=torch.float64)
        for what, values in (("token", tokens), ("sample", totals), ("span", span_scores(scored))):
            rows.append((f"{what} of the {side} side's", len(values), *_numbers(values)))
    return Table(
        title="log(p finetuned / p base) of what each side samples, nats",
        columns=("", "number", "mean", "median", "90 %", "95 %", "largest"),
        rows=tuple(rows),
    )


def distribution(found: Survey) -> Series:
    """Which share of each side's samples has a span of at least a score."""
    lines = []
    for side, scored in (("finetuned", found.finetuned), ("base", found.base)):
        values = span_scores(scored).sort(descending=True).values
        shares = (torch.arange(len(values), dtype=torch.float64) + 1) / len(values)
        lines.append(Line(name=side, x=tuple(values.tolist()), y=tuple(shares.tolist())))
    return Series(
        title="Samples whose best span scores at least so much",
        x_label="score of the span, nats",
        y_label="share of the side's samples",
        lines=tuple(lines),
    )


def span_scores(scored: Sequence[Scored]) -> Float[Tensor, " samples"]:
    """The score of each sample's best span, in nats."""
    return torch.tensor([one.span.score for one in scored], dtype=torch.float64)


def _numbers(values: Float[Tensor, " values"]) -> tuple[float | None, ...]:
    if not len(values):
        return (None,) * (len(_QUANTILES) + 2)
    quantiles = np.quantile(values.numpy(), _QUANTILES)
    return (float(values.mean()), *quantiles.tolist(), float(values.max()))
