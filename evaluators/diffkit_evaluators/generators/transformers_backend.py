"""Generates with the models that are loaded in this process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import (
    Completion,
    Generator,
    GeneratorBackend,
    GeneratorPair,
    Inputs,
    Model,
    PairSource,
    Sampling,
    Text,
)
from diffkit_evaluators.generators.config import TransformersConfig
from diffkit_evaluators.generators.prompt_embeddings import check_embeddings


class TransformersBackend(GeneratorBackend[TransformersConfig]):
    """Both sides by `Model.generate`."""

    @contextmanager
    def open(self, source: PairSource, config: TransformersConfig) -> Iterator[GeneratorPair]:
        """The generators of a pair; the caller that loaded the pair closes it."""
        pair = source.load()
        size = config.batch_size
        yield GeneratorPair(ModelGenerator(pair.base, size), ModelGenerator(pair.finetuned, size))


class ModelGenerator(Generator):
    """One model. Sides that share a network take turns at it, by the network's own lock.

    Args:
        model: the side.
        batch_size: prompts at a time.
    """

    def __init__(self, model: Model, batch_size: int) -> None:
        self._model = model
        self._batch_size = batch_size

    def generate(self, prompts: Sequence[Text | str], sampling: Sampling) -> tuple[Completion, ...]:
        """Completions, one for each prompt."""
        return self._model.generate(prompts, sampling, batch_size=self._batch_size)

    def generate_from(
        self, embeddings: Sequence[Float[Tensor, "_ hidden"]], sampling: Sampling
    ) -> tuple[Completion, ...]:
        """Completions, one for each sequence of input embeddings.

        Raises:
            UserError: a sequence is empty, or not of this model's width.
        """
        rows = check_embeddings(embeddings, self._model.d_model)
        done: list[Completion] = []
        for start in range(0, len(rows), self._batch_size):
            inputs = _left_padded(rows[start : start + self._batch_size], self._model)
            done += self._model.generate_from(inputs, sampling, first=start)
        return tuple(done)


def _left_padded(rows: Sequence[Float[Tensor, "_ hidden"]], model: Model) -> Inputs:
    """One batch, padded on the left."""
    places = Inputs.of([[0] * len(row) for row in rows], side="left")
    embeds = torch.zeros(*places.mask.shape, model.d_model, dtype=model.dtype, device=model.device)
    for row, embedding in enumerate(rows):
        embeds[row, embeds.shape[1] - len(embedding) :] = embedding.to(embeds)
    return places.to(model.device).with_embeds(embeds)
