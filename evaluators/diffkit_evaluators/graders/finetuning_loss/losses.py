"""Losses of both models, and of the finetuned one without some directions."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from diffkit import Inputs, Model, ModelPair, Texts
from diffkit.maths import token_log_probabilities
from diffkit_evaluators.graders.finetuning_loss.config import FinetuningLossConfig
from diffkit_evaluators.graders.finetuning_loss.directions import DirectionsByLayer


@dataclass(frozen=True)
class PairLosses:
    """Mean cross-entropies over all predicted tokens, in nats per token."""

    base: float
    finetuned: float
    without: tuple[float, ...]
    """Losses of the finetuned model without each set of directions."""
    tokens: int
    """Number of predicted tokens; without any, all losses are 0."""

    @property
    def gap(self) -> float:
        """Difference of the base's and the finetuned model's loss."""
        return self.base - self.finetuned

    @property
    def rises(self) -> tuple[float, ...]:
        """Increase of the finetuned model's loss without each set."""
        return tuple(loss - self.finetuned for loss in self.without)


def replace_by_base(
    stream: Float[Tensor, "texts seq hidden"],
    base: Float[Tensor, "texts seq hidden"],
    directions: Float[Tensor, "directions hidden"],
) -> Float[Tensor, "texts seq hidden"]:
    """The residual stream with the base's component in the span of some directions.

    Removing the component completely would also remove what the base has there.

    Args:
        stream: residual stream of the finetuned model.
        base: residual stream of the base at the same tokens.
        directions: orthonormal directions.
    """
    directions = directions.to(stream.device)
    along = (base - stream).float() @ directions.T
    return stream + (along @ directions).to(stream.dtype)


def pair_losses(
    pair: ModelPair,
    texts: Texts,
    ablated: Sequence[DirectionsByLayer],
    config: FinetuningLossConfig,
) -> PairLosses:
    """Losses of both models on ``texts``.

    Args:
        pair: both models.
        texts: documents and chats; tokens of the common vocabulary count.
        ablated: sets of directions, each replaced by itself.
        config: number of tokens of each text, and the batch size.
    """
    totals, tokens = torch.zeros(2 + len(ablated), dtype=torch.float64), 0
    for numbers in texts.batches(config.batch_size):
        batch = [texts.items[number] for number in numbers]
        inputs = pair.base.inputs(batch, max_tokens=config.max_tokens)
        counted = _counted_tokens(inputs, pair.vocabulary)
        if counted.any():
            totals += torch.tensor(
                _total_losses(pair, inputs, counted, ablated), dtype=torch.float64
            )
            tokens += int(counted.sum())
    base, finetuned, *without = (totals / max(tokens, 1)).tolist()
    return PairLosses(base, finetuned, tuple(without), tokens)


def _counted_tokens(inputs: Inputs, vocabulary: int) -> Bool[Tensor, "texts predicted"]:
    assert inputs.ids is not None  # noqa: S101 - made from texts
    return inputs.mask[:, 1:].bool() & (inputs.ids[:, 1:] < vocabulary)


def _total_losses(
    pair: ModelPair,
    inputs: Inputs,
    counted: Bool[Tensor, "texts predicted"],
    ablated: Sequence[DirectionsByLayer],
) -> list[float]:
    """Total loss of the base, of the finetuned model, and of it without each set of directions."""
    total = partial(_total_loss, inputs=inputs, counted=counted, vocabulary=pair.vocabulary)
    found = [total(pair.base), total(pair.finetuned)]
    layers = sorted({layer for bases in ablated for layer in bases})
    streams = dict(zip(layers, pair.base.resid(inputs, layers), strict=True)) if layers else {}
    for bases in ablated:
        with ExitStack() as edits:
            for layer, directions in bases.items():
                swap = partial(replace_by_base, base=streams[layer], directions=directions)
                edits.enter_context(pair.finetuned.edit(layer, swap))
            found.append(total(pair.finetuned))
    return found


def _total_loss(
    side: Model, inputs: Inputs, counted: Bool[Tensor, "texts predicted"], vocabulary: int
) -> float:
    assert inputs.ids is not None  # noqa: S101 - made from texts
    logits = side.logits(inputs, keep=slice(0, -1))
    surprise = -token_log_probabilities(logits, inputs.ids[:, 1:], vocabulary)
    return float(surprise[counted.to(surprise.device)].double().sum())
