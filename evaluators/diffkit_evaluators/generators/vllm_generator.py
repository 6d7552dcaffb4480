"""One side of a pair, answered by a vLLM engine."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor
from vllm import SamplingParams
from vllm.lora.request import LoRARequest

from diffkit import Completion, Generator, ModelOnDisk, Sampling, Text, UserError
from diffkit_evaluators.generators.prompt_embeddings import check_embeddings
from diffkit_evaluators.generators.vllm_engine import Engine

SEED_STRIDE = 1_000_003
"""Distance of two seeds, larger than any number of prompts, so that samples differ."""
EXCLUDED_BIAS = -100.0
"""Logit bias of tokens that must not be sampled: the lowest that vLLM allows."""


class VLLMGenerator(Generator):
    """A generator of one side, by an engine with or without an adapter.

    Prompts are tokenized here, as in `Model.generate`, so that all generators use the same ids.

    Args:
        engine: engine of the side's full model.
        side: tokenizer and vocabulary of the side.
        adapter: adapter of the side; none for the full model itself.
    """

    def __init__(self, engine: Engine, side: ModelOnDisk, adapter: LoRARequest | None) -> None:
        self._engine = engine
        self._side = side
        self._adapter = adapter

    def generate(self, prompts: Sequence[Text | str], sampling: Sampling) -> tuple[Completion, ...]:
        """Completions, one for each prompt.

        Raises:
            UserError: a prompt is longer than the engine allows.
        """
        rows = self._side.encode(prompts)
        for row in rows:
            self._refuse_long(len(row))
        inputs = [{"prompt_token_ids": row} for row in rows]
        return self._complete(inputs, sampling, [str(prompt) for prompt in prompts])

    def generate_from(
        self, embeddings: Sequence[Float[Tensor, "_ hidden"]], sampling: Sampling
    ) -> tuple[Completion, ...]:
        """Completions, one for each sequence of input embeddings.

        Raises:
            UserError: a sequence is empty or too long, or not of this model's width.
        """
        rows = check_embeddings(embeddings, self._engine.hidden)
        for row in rows:
            self._refuse_long(len(row))
        inputs = [{"prompt_embeds": row.cpu().to(self._engine.dtype)} for row in rows]
        # LoRA layers of vLLM 0.32 fail where embeddings and tokens of several requests meet in one
        # step (einsum of unequal lengths), and the engine with them.
        alone = self._adapter is not None
        return self._complete(inputs, sampling, [""] * len(rows), alone=alone)

    def _refuse_long(self, tokens: int) -> None:
        if tokens >= self._engine.length:
            what = f"A prompt has {tokens} tokens, and this model reads {self._engine.length - 1}."
            raise UserError(what, hint="Shorten it, or raise max_model_len.")

    def _complete(
        self,
        inputs: Sequence[Any],
        sampling: Sampling,
        words: Sequence[str],
        *,
        alone: bool = False,
    ) -> tuple[Completion, ...]:
        asked = [sampling_params(sampling, place, self._side) for place in range(len(inputs))]
        size = 1 if alone else max(len(inputs), 1)
        rows = [
            row
            for start in range(0, len(inputs), size)
            for row in self._engine.generate(
                inputs[start : start + size], asked[start : start + size], self._adapter
            )
        ]
        decode = self._side.tokenizer.decode
        return tuple(
            Completion(
                prompt=word,
                text=decode(list(row.ids), skip_special_tokens=True),
                tokens=len(row.ids),
                finished=row.finished,
            )
            for word, row in zip(words, rows, strict=True)
        )


def sampling_params(sampling: Sampling, place: int, side: ModelOnDisk) -> SamplingParams:
    """The sampling parameters of vLLM.

    Args:
        sampling: the sampling.
        place: index of the prompt in its list.
        side: gives the end tokens, and the vocabulary rows without a token.
    """
    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        min_p=sampling.min_p,
        max_tokens=sampling.max_new_tokens,
        seed=(sampling.seed * SEED_STRIDE + place) % 2**63,
        ignore_eos=True,  # the ends are named here, all of them
        stop_token_ids=sorted(side.eos_ids) if sampling.stop_at_eos else [],
        logit_bias=dict.fromkeys(range(side.vocabulary, side.vocab_rows), EXCLUDED_BIAS) or None,
        detokenize=False,
    )
