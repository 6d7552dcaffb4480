"""The method."""

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

    Narrow finetuning leaves a bias in the residual stream of texts that have nothing to do with
    it, strongest in their first tokens, and the logit lens of that bias names its subject (Minder
    and others 2025, arXiv 2510.13900; the logit lens: nostalgebraist 2020).

    The change score is the concentration of the differences at single tokens, each relative to the
    base's norm there: the inverse of the number of directions that they take, averaged over layers
    inside the network. Noise and finetunings of any purpose move the stream as far as one another;
    one that teaches a single thing moves it in fewer directions.
    """

    identical_note = "Both sides have the same weights, so the same residual streams."

    def run(self, pair: ModelPair, config: ActivationLensConfig, context: RunContext) -> Findings:
        """Compares the sides' means.

        Raises:
            UserError: too few texts reach any slot, or there is no such layer.
        """
        read = collect_statistics(pair, config, context, ReadPlan.of(pair.base, config))
        found = list(mean_shifts(read, config.min_texts))
        if not found:
            what = f"Fewer than {config.min_texts} texts have a token."
            raise UserError(what, hint="Give more texts, or set min_texts lower.")
        score = change_score(read)
        if score == 0:
            return _nothing("No layer that was read moved: on these texts both sides are the same.")
        tested = run_causal_tests(pair, config, context, found)
        items = (
            *_items(pair, config, read, found),
            *tested.items,
            save_mean_shifts(found, context.artifacts),
        )
        return Findings(
            change_score=score,
            metrics={**_metrics(read, found), **tested.metrics},
            items=items,
        )

    def tools(
        self, pair: ModelPair, config: ActivationLensConfig, run: FinishedRun
    ) -> Sequence[AgentTool[Any]]:
        """A closer look at one layer and slot, and steering along what is there."""
        return (LookTool(pair, config, run), SteerTool(pair, config, run))


def _nothing(text: str) -> Findings:
    return Findings(change_score=0.0, items=(Note(text=text),))


def _metrics(read: ActivationStatistics, found: Sequence[MeanShift]) -> dict[str, float]:
    signals = [shift.signal for shift in found if shift.signal is not None]
    return {
        **{
            f"concentration_layer_{layer}": value
            for layer, value in layer_concentrations(read).items()
        },
        "relative_norm": fmean(shift.relative for shift in found),
        "largest_relative_norm": max(shift.relative for shift in found),
        **({"median_signal": median(signals)} if signals else {}),
        "texts": float(max(shift.texts for shift in found)),
    }


def _items(
    pair: ModelPair,
    config: ActivationLensConfig,
    read: ActivationStatistics,
    found: Sequence[MeanShift],
) -> Iterator[Finding]:
    promoted = lens_results(pair, found)
    yield from token_tables(pair, promoted, config.tokens)
    if config.candidates:
        for _, layer in groupby(found, key=lambda shift: shift.layer):
            yield side_trace(pair, list(layer), config.candidates)
    yield shift_table(found, promoted)
    yield concentration_table(layer_concentrations(read))
    yield norms_by_position(found)
    if read.unsplit:
        words = "their chat template does not let the start of the answer be told"
        yield Note(text=f"{read.unsplit} chats count in no slot around the answer: {words}.")
