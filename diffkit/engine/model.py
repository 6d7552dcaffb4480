"""One side of a pair: texts and prompts in; residual streams and completions out."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.engine.adapted_network import AdaptedNetwork
from diffkit.engine.forward.decoding import decoding_state, within_positions
from diffkit.engine.forward.finite import checked_output
from diffkit.engine.forward.limits import fitted
from diffkit.engine.generation import GeneratedIds, generate_batch
from diffkit.engine.inputs import Inputs
from diffkit.engine.network import Network
from diffkit.engine.prefix_cache import PrefixCache
from diffkit.engine.residual_stream import EmbeddingToResidual, read_blocks
from diffkit.engine.tokenization import document_start, encode, encode_prompt, eos_ids_of
from diffkit.errors import UserError
from diffkit.sampling import Completion, Sampling
from diffkit.texts import Text


class Model(AdaptedNetwork):
    """A network with one adapter switched on, or none, and its tokenizer.

    Args:
        network: the network, which other sides may share.
        adapter: name of the adapter; none is the network itself.
        tokenizer: a transformers tokenizer; none takes the network's.
        end_tokens: ids that end a completion besides the tokenizer's and those of config.json; none
            takes those of the network's generation configuration.
    """

    def __init__(
        self,
        network: Network,
        adapter: str | None = None,
        tokenizer: Any = None,
        end_tokens: frozenset[int] | None = None,
    ) -> None:
        super().__init__(network, adapter, tokenizer)
        self._end_tokens = end_tokens

    @property
    def eos_ids(self) -> frozenset[int]:
        """Ids that end a completion."""
        module: Any = self.network.module
        if self._end_tokens is not None:
            return eos_ids_of(self.tokenizer, module.config) | self._end_tokens
        generation = getattr(module, "generation_config", None)
        return eos_ids_of(self.tokenizer, module.config, generation)

    @property
    def document_start(self) -> int | None:
        """The token before a document; none: documents of this tokenizer start without one."""
        return document_start(self.tokenizer)

    def inputs(
        self,
        texts: Sequence[Text],
        *,
        max_tokens: int,
        padding: Literal["left", "right"] = "right",
    ) -> Inputs:
        """Tokenises texts: documents as they are, chats through the chat template.

        Args:
            texts: the texts of one batch.
            max_tokens: tokens kept of each, from its beginning; a model with learned positions
                keeps no more than it has of them, which is logged once.
            padding: the side that padding goes to.
        """
        limit = self.network.position_limit
        kept = max_tokens if limit is None else min(max_tokens, limit + 1)
        rows = [encode(self.tokenizer, text, kept) for text in texts]
        if limit is not None and any(len(row) > limit for row in rows):
            rows = [row[:limit] for row in rows]
            self.network.warn_once(f"Texts are cut at the {limit} positions that were learned.")
        return Inputs.of(rows, side=padding, pad=self._pad_id)

    @property
    def _pad_id(self) -> int:
        """An id for padding that the embedding has a row for; what it is changes nothing."""
        own = self.tokenizer.pad_token_id or 0
        return int(own) if own < self.embed_rows else 0

    def prefix_cache(self, ids: Int[Tensor, " seq"]) -> PrefixCache:
        """Reads tokens once, for the logits of many rows that begin with them."""
        return PrefixCache.of(self, ids)

    def resid(
        self, inputs: Inputs, layers: Sequence[int | float]
    ) -> Float[Tensor, "layers batch seq hidden"]:
        """The residual stream after the given blocks, before the final norm.

        The forward pass stops at the deepest of them.

        Args:
            inputs: the batch.
            layers: block numbers from 0 (negative ones count from the end), or fractions of depth
                from 0.0 to 1.0; results come in the order given.
        """
        wanted = self.resolve_layers(layers)
        inputs = fitted(self, inputs)
        with self.active(gradients=inputs.differentiable, hooks=False):
            read = read_blocks(self.network, inputs.forward_arguments, wanted, self._edits.all)
        for layer, stream in zip(wanted, read, strict=True):
            what = f"the residual stream after block {layer}"
            checked_output(self, stream, what, inputs=inputs)
        return torch.stack(read)

    def embedding_to_residual(
        self, layer: int | float, *, mlps: bool = True, final_norm: bool = False
    ) -> EmbeddingToResidual:
        """The map from input embeddings to the residual stream after a block, for long loops.

        Args:
            layer: a block's number, or a fraction of depth.
            mlps: whether the blocks' feed-forward parts add to the stream.
            final_norm: whether the final norm is applied; it follows only the last block.

        Raises:
            UserError: the layer lies outside the model, or is not the last where the final norm
                is wanted.
        """
        (number,) = self.resolve_layers([layer])
        if final_norm and number != self.layers - 1:
            hint = f"Read layer {self.layers - 1}, or read before the norm."
            raise UserError(f"The final norm does not follow block {number}.", hint=hint)
        return EmbeddingToResidual(self, number, mlps, final_norm)

    def generate(
        self, prompts: Sequence[Text | str], sampling: Sampling, *, batch_size: int = 32
    ) -> tuple[Completion, ...]:
        """Completions, one for each prompt.

        Args:
            prompts: a string is the start of a document; a chat goes through the template.
            sampling: how tokens are chosen.
            batch_size: prompts at a time; memory depends on it, results do not.
        """
        found: list[Completion] = []
        for first in range(0, len(prompts), batch_size):
            batch = prompts[first : first + batch_size]
            rows = [encode_prompt(self.tokenizer, prompt) for prompt in batch]
            inputs = Inputs.of(rows, side="left", pad=self._pad_id)
            words = [str(prompt) for prompt in batch]
            found += self.generate_from(inputs, sampling, prompts=words, first=first)
        return tuple(found)

    def generate_from(
        self,
        inputs: Inputs,
        sampling: Sampling,
        *,
        prompts: Sequence[str] | None = None,
        first: int = 0,
    ) -> tuple[Completion, ...]:
        """Completions of one batch of token ids or embeddings.

        Args:
            inputs: padded on the left.
            sampling: how tokens are chosen.
            prompts: the field `Completion.prompt` of each; none leaves it empty.
            first: index of the first row in the whole list; a row's seed depends on its index.
        """
        words = prompts or [""] * len(inputs.mask)
        seeds = range(first, first + len(inputs.mask))
        rows = self.generate_ids(inputs, sampling, row_seeds=seeds)
        decode = self.tokenizer.decode
        return tuple(
            Completion(
                prompt=prompt,
                text=decode(row.ids, skip_special_tokens=True),
                tokens=len(row.ids),
                finished=row.finished,
            )
            for prompt, row in zip(words, rows, strict=True)
        )

    def generate_ids(
        self,
        inputs: Inputs,
        sampling: Sampling,
        *,
        vocabulary: int | None = None,
        row_seeds: Sequence[int] | None = None,
    ) -> list[GeneratedIds]:
        """Generated token ids of one batch.

        Args:
            inputs: token ids or embeddings, padded on the left.
            sampling: how tokens are chosen.
            vocabulary: ids from here on are never chosen; none: those that have no token.
            row_seeds: seed of each row besides `Sampling.seed`; none: its index in the batch.
        """
        with self.network.side(self.adapter):  # no other side in between
            rows = generate_batch(
                decoding_state(self, inputs, sampling.max_new_tokens),
                sampling,
                vocabulary=vocabulary or self.vocabulary,
                eos_ids=self.eos_ids,
                row_seeds=range(len(inputs.mask)) if row_seeds is None else row_seeds,
            )
        return within_positions([self], inputs, rows)
