"""The method."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import fmean, median

import torch

from diffkit import DiffingMethod, Finding, Findings, ModelPair, Note, RunContext, UserError
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.scan import scan
from diffkit_plugins.activation_lens.shift import Shift, shifts
from diffkit_plugins.activation_lens.tables import by_position, sides, summary, token_table


class ActivationLens(DiffingMethod[ActivationLensConfig]):
    """Mean difference of the residual stream by layer and position, read through the logit lens.

    Narrow finetuning leaves a bias in the residual stream of texts that have nothing to do with
    it, strongest in their first tokens, and the logit lens of that bias names its subject (Minder
    and others 2025, arXiv 2510.13900; the logit lens: nostalgebraist 2020).

    The change score is ‖mean difference‖ / mean ‖base‖, averaged over layers and positions: it has
    no unit, does not grow with the number of texts, and no one position with a large norm, as first
    tokens often have, can decide it.
    """

    def run(self, pair: ModelPair, config: ActivationLensConfig, context: RunContext) -> Findings:
        """Compares the sides' means.

        Raises:
            UserError: too few texts reach any position, or there is no such layer.
        """
        if pair.identical:
            return _nothing("Both sides have the same weights, so the same residual streams.")
        found = list(shifts(scan(pair, config, context), config.min_texts))
        if not found:
            what = f"Fewer than {config.min_texts} texts have a token."
            raise UserError(what, cure="Give more texts, or set min_texts lower.")
        moved = fmean(shift.relative for shift in found)
        if moved == 0:
            return _nothing("No layer that was read moved: on these texts both sides are the same.")
        return Findings(
            change_score=moved,
            metrics=_metrics(found, moved),
            items=(*_items(pair, config, found), _save(found, context)),
        )


def _nothing(text: str) -> Findings:
    return Findings(change_score=0.0, items=(Note(text=text),))


def _metrics(found: Sequence[Shift], moved: float) -> dict[str, float]:
    signals = [shift.signal for shift in found if shift.signal is not None]
    return {
        "relative_norm": moved,
        "largest_relative_norm": max(shift.relative for shift in found),
        **({"median_signal": median(signals)} if signals else {}),
        "texts": float(max(shift.texts for shift in found)),
    }


def _items(
    pair: ModelPair, config: ActivationLensConfig, found: Sequence[Shift]
) -> Iterator[Finding]:
    yield summary(found)
    yield from (token_table(pair, shift, config.tokens) for shift in found if shift.relative)
    yield by_position(found)
    if config.candidates:
        for _, layer in groupby(found, key=lambda shift: shift.layer):
            yield sides(pair, list(layer), config.candidates)


def _save(found: Sequence[Shift], context: RunContext) -> Note:
    """Writes the vectors, one row for each row of the summary, and says where they are."""
    tensors = {
        "difference": torch.stack([shift.mean for shift in found]),
        "standard_error": torch.stack([shift.error for shift in found]),
        "base": torch.stack([shift.base for shift in found]),
    }
    index = {
        "layer": [shift.layer for shift in found],
        "position": [-1 if shift.position is None else shift.position for shift in found],
        "texts": [shift.texts for shift in found],
    }
    numbers = {name: torch.tensor(column) for name, column in index.items()}
    vectors = {name: rows.float() for name, rows in tensors.items()}
    name = context.artifacts.save("mean_differences", {**vectors, **numbers})
    shape = f"[{len(found)} rows of the first table, {found[0].mean.numel()} hidden]"
    words = f"{name} holds difference, standard_error and base, each {shape}, float32"
    return Note(text=f"{words}; and each row's layer, position (-1: all tokens) and texts.")
