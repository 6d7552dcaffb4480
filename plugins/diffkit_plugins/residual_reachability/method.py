"""The method residual-reachability."""

from collections.abc import Sequence

import torch

from diffkit import DiffingMethod, Findings, ModelPair, Note, RunContext
from diffkit.analysis import SelectedPositions
from diffkit.statistics import mcnemar_p
from diffkit_plugins.residual_reachability.config import ResidualReachabilityConfig
from diffkit_plugins.residual_reachability.residual_deltas import read_residual_deltas
from diffkit_plugins.residual_reachability.search import ReachErrors, search_layer
from diffkit_plugins.residual_reachability.tables import (
    errors_by_budget,
    median_by_text,
    position_scores,
    position_table,
    summary_table,
)


class ResidualReachability(DiffingMethod[ResidualReachabilityConfig]):
    """Whether a prompt could have moved the base's residual stream as finetuning did.

    With Δ = h_finetuned − h_base on a text, before the final norm, E_c(t) is the least relative
    error ‖h − t‖/‖t‖ over prompts whose tokens' norms are at most c times the vocabulary's 95th
    percentile. Without such a budget nearly everything is reachable. S = log E_c(h + Δ) − median
    log E_c(h + QΔ) over random rotations Q in the whitened residual space, rescaled to ‖Δ‖. It is
    negative if prompts reach the change that finetuning made more easily than random changes of
    the same size, and positive if less easily.

    The change score is the median |S|.
    """

    identical_note = "Both sides have the same weights, so there is nothing to reach."

    def run(
        self, pair: ModelPair, config: ResidualReachabilityConfig, context: RunContext
    ) -> Findings:
        """Searches for prompts.

        Raises:
            UserError: no text has a token that is read, the texts give no covariance, or a layer
                does not exist.
        """
        selected = SelectedPositions(pair.base.tokenizer, config.positions)
        found = [
            search_layer(pair.base, each, config, context)
            for each in read_residual_deltas(pair, config, context, selected)
        ]
        if not found:
            still = Note(text="The residual stream moved on no text, so there is nothing to reach.")
            return Findings(change_score=0.0, items=(still, selected.note))
        rows = position_scores(found, config.budgets)
        scores = torch.cat([errors.scores.flatten() for errors in found])
        return Findings(
            change_score=float(scores.abs().quantile(0.5)),
            metrics={**_metrics(found), **selected.metrics},
            items=(
                position_table(rows, context.texts, config.rows),
                summary_table(found, config.budgets),
                *((errors_by_budget(found, config.budgets),) if len(config.budgets) > 1 else ()),
                Note(text=_describe(float(scores.quantile(0.5)), median_by_text(found))),
                selected.note,
            ),
        )


def _metrics(found: Sequence[ReachErrors]) -> dict[str, float]:
    scores = torch.cat([errors.scores.flatten() for errors in found])
    sizes = torch.cat([errors.deltas.sizes for errors in found])
    return {
        "median_s": float(scores.quantile(0.5)),
        "share_of_places_with_negative_s": float((scores < 0).float().mean()),
        "median_relative_size_of_change": float(sizes.quantile(0.5)),
    }


SIGNIFICANCE = 0.05
"""A sign test over the texts must be below it before anything is read into the sign of S."""


def _describe(median: float, texts: Sequence[float]) -> str:
    """The median S in words, and a conclusion if the texts agree on its sign."""
    negative = [score < 0 for score in texts]
    p = mcnemar_p(negative, [score > 0 for score in texts])
    if p is None or p > SIGNIFICANCE:
        return (
            f"The median S is {median:.3f}, and S is negative on {sum(negative)} of {len(texts)} "
            f"texts: too few, or too mixed (sign test: p = {p:.2g}), to say whether prompts come "
            "nearer to what finetuning did than to random rotations of it. Give more texts, with "
            "--set texts, or read nothing into it."
        )
    if median < 0:
        nearer = "nearer to"
        reading = "it is the kind of change that a prompt could have made"
    else:
        nearer = "no nearer to"
        reading = "it is no change that a prompt makes more easily than others as large"
    return (
        f"The median S is {median:.3f}: prompts within the budget come {nearer} what finetuning "
        f"did than to random rotations of it, so {reading}. Random changes of the weights have an "
        "S too: only nulls say whether this one is unusual."
    )
