"""The findings of weight-norms: norms, spectra, and the tokens that directions promote.

Takes the changes of `diffkit_weight_norms.measure`. Gives findings.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Line, ModelPair, Series, Table, TokenTable
from diffkit.analysis import token_table
from diffkit_weight_norms.config import WeightNormsConfig
from diffkit_weight_norms.measure import WeightChange


def direction_tables(
    pair: ModelPair, changes: Sequence[WeightChange], config: WeightNormsConfig
) -> list[TokenTable]:
    """One table of tokens for each of the strongest changes that write into the residual stream."""
    writing = [change for change in changes if _writes(change, pair.base.d_model, config.writers)]
    writing.sort(key=lambda change: (-change.spectral, change.name))
    return [_table(pair, change, config.tokens) for change in writing[: config.directions]]


def _writes(change: WeightChange, hidden: int, writers: Sequence[str]) -> bool:
    *_, module, parameter = change.name.split(".")
    return module in writers and parameter == "weight" and change.shape[0] == hidden


def _table(pair: ModelPair, change: WeightChange, count: int) -> TokenTable:
    title = f"What the strongest direction of {change.name} writes"
    logits = direction_logits(pair, change.top)
    return token_table(title, logits, pair.base.tokenizer, count, unit="logits", positive=False)


def direction_logits(
    pair: ModelPair, direction: Float[Tensor, " hidden"]
) -> Float[Tensor, " vocabulary"]:
    """Logits that a direction adds, by the base's final norm and unembedding (the logit lens).

    A singular vector's sign is arbitrary; the one whose likeliest token stands out more is read.
    """
    logits = pair.base.unembed(torch.stack([direction, torch.zeros_like(direction)])).float()
    added = (logits[0] - logits[1])[: pair.vocabulary]  # less what a norm's bias adds to anything
    added = added - added.mean()
    return added if added.max() >= -added.min() else -added


def by_relative_norm(changes: Sequence[WeightChange]) -> list[WeightChange]:
    """Largest relative norm first; equals by name."""
    return sorted(changes, key=lambda change: (-change.relative, change.name))


def norm_table(changes: Sequence[WeightChange]) -> Table:
    """One row for each changed weight."""
    return Table(
        title="How far each weight moved, relative norm first",
        columns=(
            "weight",
            "relative norm ‖Δ‖/‖W‖",
            "Frobenius norm",
            "spectral norm",
            "stable rank",
        ),
        rows=tuple(
            (c.name, c.relative, c.frobenius, c.spectral, c.stable_rank)
            for c in by_relative_norm(changes)
        ),
    )


def spectrum_series(changes: Sequence[WeightChange], count: int) -> Series:
    """Singular values of the ``count`` matrices with the largest relative norms."""
    drawn = [change for change in by_relative_norm(changes) if change.is_matrix][:count]
    return Series(
        title="Spectra of the changes",
        x_label="number of the singular value, from 1",
        y_label="share of the largest",
        lines=tuple(
            Line(
                name=change.name,
                x=tuple(float(number) for number in range(1, len(change.values) + 1)),
                y=tuple((change.values / change.values[0]).tolist()),
            )
            for change in drawn
        ),
    )
