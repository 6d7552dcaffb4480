"""The method activation-lens."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import fmean, median
from typing import Any

from diffkit import (
    AgentTool,
    DiffingMethod,
    Finding,
    Findings,
    FinishedRun,
    ModelPair,
    Note,
    RunContext,
    UserError,
)
from diffkit_plugins.activation_lens.causal import run_causal_tests
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.lenses import lens_results, token_tables
from diffkit_plugins.activation_lens.mean_shift import MeanShift, mean_shifts, save_mean_shifts
from diffkit_plugins.activation_lens.measure import (
    ActivationStatistics,
    ReadPlan,
    change_score,
    collect_statistics,
    layer_concentrations,
)
from diffkit_plugins.activation_lens.tables import (
    concentration_table,
    norms_by_position,
    shift_table,
    side_trace,
)
from diffkit_plugins.activation_lens.tools import LookTool, SteerTool


class ActivationLens(DiffingMethod[ActivationLensConfig]):
    """Mean difference of the residual stream by layer and slot, read through the logit lens.

    Narrow finetuning leaves a bias in the residual stream of unrelated texts, strongest at their
    first tokens, and the logit lens of that bias shows its subject (Minder and others 2025, arXiv
    2510.13900; logit lens: nostalgebraist 2020).

    The change score is the concentration of the differences at single tokens, relative to the
    base's norm there: the inverse of their effective number of directions, averaged over layers
    inside the network. The size of the differences does not separate noise from finetunings; a
    finetuning with a single subject moves the stream in fewer directions.
    """

    identical_note = "Both sides have the same weights, so the same residual streams."

    def run(self, pair: ModelPair, config: ActivationLensConfig, context: RunContext) -> Findings:
        """Compares the means of both sides.

        Raises:
            UserError: too few texts reach any slot, or there is no such layer.
        """
        statistics = collect_statistics(pair, config, context, ReadPlan.of(pair.base, config))
        shifts = _all_shifts(statistics, config.min_texts)
        score = change_score(statistics)
        if score == 0 and not any(shift.relative for shift in shifts):
            return _zero_findings(statistics)
        causal = run_causal_tests(pair, config, context, shifts)
        items = (
            *_items(pair, config, statistics, shifts),
            *causal.items,
            save_mean_shifts(shifts, context.artifacts),
        )
        return Findings(
            change_score=score,
            metrics={**_metrics(statistics, shifts), **causal.metrics},
            items=items,
        )

    def tools(
        self, pair: ModelPair, config: ActivationLensConfig, run: FinishedRun
    ) -> Sequence[AgentTool[Any]]:
        """Tools that read one layer and slot, and steer along its mean shift."""
        return (LookTool(pair, config, run), SteerTool(pair, config, run))


def _zero_findings(statistics: ActivationStatistics) -> Findings:
    same = Note(text="No layer that was read moved: on these texts both sides are the same.")
    return Findings(change_score=0.0, items=(same, statistics.selected.note))


def _all_shifts(statistics: ActivationStatistics, min_texts: int) -> list[MeanShift]:
    shifts = list(mean_shifts(statistics, min_texts))
    if not shifts:
        what = f"Fewer than {min_texts} texts have a token."
        raise UserError(what, hint="Give more texts, or set min_texts lower.")
    return shifts


def _metrics(statistics: ActivationStatistics, shifts: Sequence[MeanShift]) -> dict[str, float]:
    signals = [shift.signal for shift in shifts if shift.signal is not None]
    return {
        **{
            f"concentration_layer_{layer}": value
            for layer, value in layer_concentrations(statistics).items()
        },
        "relative_norm": fmean(shift.relative for shift in shifts),
        "largest_relative_norm": max(shift.relative for shift in shifts),
        **({"median_signal": median(signals)} if signals else {}),
        "texts": float(max(shift.texts for shift in shifts)),
        **statistics.selected.metrics,
    }


def _items(
    pair: ModelPair,
    config: ActivationLensConfig,
    statistics: ActivationStatistics,
    shifts: Sequence[MeanShift],
) -> Iterator[Finding]:
    results = lens_results(pair, shifts)
    yield from token_tables(pair, results, config.tokens)
    if config.candidates:
        for _, layer in groupby(shifts, key=lambda shift: shift.layer):
            yield side_trace(pair, list(layer), config.candidates)
    yield shift_table(shifts, results)
    yield concentration_table(layer_concentrations(statistics))
    yield norms_by_position(shifts)
    yield statistics.selected.note
    if statistics.unlocated:
        words = "their chat template does not let the start of the answer be told"
        yield Note(
            text=f"{statistics.unlocated} chats count in no slot around the answer: {words}."
        )
