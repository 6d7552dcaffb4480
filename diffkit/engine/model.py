"""One side of a pair: a network with one adapter switched on, or none."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diffkit.engine.architectures import resolve_layers
from diffkit.engine.generation import GeneratedIds, completions, completions_of_batch, generated_ids
from diffkit.engine.inputs import Inputs, forward_arguments, logits_of, states_of
from diffkit.engine.network import Network
from diffkit.engine.prefix_cache import PrefixCache
from diffkit.engine.residual_stream import (
    ActiveEdits,
    Edit,
    EmbeddingToResidual,
    edit_hook,
    read_blocks,
)
from diffkit.engine.tokenization import encode, eos_ids_of
from diffkit.errors import UserError
from diffkit.sampling import Completion, Sampling
from diffkit.texts import Text


class Model:
    """A network with one adapter on, or none.

    Gradients flow only where ``inputs.embeds`` (or ``hidden``) requires them; parameters never do.
    """

    def __init__(self, network: Network, adapter: str | None = None, tokenizer: Any = None) -> None:
        self.network = network
        self.adapter = adapter
        self.tokenizer: Any = network.tokenizer if tokenizer is None else tokenizer
        self._edits = ActiveEdits()

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return next(self.network.module.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the activations."""
        dtype: torch.dtype = self._embedding.weight.dtype
        return dtype

    @property
    def layers(self) -> int:
        """Number of transformer blocks."""
        return len(self.network.blocks)

    def numbers(self, layers: Sequence[int | float]) -> tuple[int, ...]:
        """Block numbers from 0 of layers given as `resid` takes them.

        Raises:
            UserError: a layer lies outside the model.
        """
        return resolve_layers(layers, self.layers)

    @property
    def hidden(self) -> int:
        """Width of the residual stream."""
        return int(self._embedding.weight.shape[1])

    @property
    def rows(self) -> int:
        """Rows of the vocabulary: how many logits there are, padded rows included."""
        return int(self._part("unembed").weight.shape[0])

    @property
    def vocabulary(self) -> int:
        """Number of real tokens: ids from 0 to before it have both a row and a token."""
        return min(len(self.tokenizer), self.rows)

    def inputs(
        self,
        texts: Sequence[Text],
        *,
        max_tokens: int,
        padding: Literal["left", "right"] = "right",
    ) -> Inputs:
        """Tokenises texts, documents as they are and chats through the chat template.

        Args:
            texts: the texts of one batch.
            max_tokens: tokens kept of each, from its beginning.
            padding: the side that padding goes to.
        """
        rows = [encode(self.tokenizer, text, max_tokens) for text in texts]
        return Inputs.of(rows, side=padding, pad=self.tokenizer.pad_token_id or 0)

    def logits(
        self, inputs: Inputs, keep: int | slice | None = None
    ) -> Float[Tensor, "batch kept rows"]:
        """Next-token logits, computed only for the positions that are kept.

        Args:
            inputs: the batch.
            keep: the last so many positions, or a slice of positions; none keeps all.
        """
        return logits_of(self, inputs, keep)

    def states(
        self, inputs: Inputs, keep: int | slice | None = None
    ) -> Float[Tensor, "batch kept hidden"]:
        """What the unembedding reads: the residual stream after the final norm.

        `project` makes the `logits` of it, for as few positions at a time as memory allows.

        Args:
            inputs: the batch.
            keep: the positions kept, as in `logits`.
        """
        return states_of(self, inputs, keep)

    def prefix(self, ids: Int[Tensor, " seq"]) -> PrefixCache:
        """Reads tokens once, for the logits of many rows that begin with them."""
        return PrefixCache.of(self, ids)

    def resid(
        self, inputs: Inputs, layers: Sequence[int | float]
    ) -> Float[Tensor, "layers batch seq hidden"]:
        """The residual stream after the given blocks, before the final norm.

        The pass stops at the deepest of them.

        Args:
            inputs: the batch.
            layers: block numbers from 0 (negative ones from the end), or fractions of depth from
                0.0 to 1.0; results come in the order given.
        """
        wanted = self.numbers(layers)
        inputs = inputs.to(self.device)
        with self.active(gradients=inputs.differentiable, hooks=False):
            read = read_blocks(self.network, forward_arguments(inputs), wanted, self._edits.all)
        return torch.stack(read)

    def trunk(
        self, layer: int | float, *, mlps: bool = True, final_norm: bool = False
    ) -> EmbeddingToResidual:
        """The map from input embeddings to the residual stream after a block, for long loops.

        Args:
            layer: a block's number, or a fraction of depth.
            mlps: whether the blocks' feed-forward parts add to the stream.
            final_norm: whether the stream goes through the final norm, which follows the last
                block alone.

        Raises:
            UserError: the layer lies outside the model, or is not the last where the final norm
                is wanted.
        """
        (number,) = self.numbers([layer])
        if final_norm and number != self.layers - 1:
            hint = f"Read layer {self.layers - 1}, or read before the norm."
            raise UserError(f"The final norm does not follow block {number}.", hint=hint)
        return EmbeddingToResidual(self, number, mlps, final_norm)

    @contextmanager
    def edit(self, layer: int | float, function: Edit) -> Iterator[None]:
        """Replaces a block's output by ``function`` of it, in this model and thread.

        `logits`, `resid` and `generate` see the change; generation calls ``function`` with the
        whole prompt once and then with one position at a time.

        Args:
            layer: a block's number, or a fraction of depth.
            function: maps the residual stream to one of the same shape.
        """
        (number,) = self.numbers([layer])
        before = self._edits.all
        self._edits.all = (*before, (number, function))
        try:
            yield
        finally:
            self._edits.all = before

    def embed(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq hidden"]:
        """Input embeddings of tokens, by this side's own table."""
        with self.active() as module:
            embedded: Tensor = attrgetter(self.network.architecture.embed)(module)(
                ids.to(self.device)
            )
            return embedded

    def unembed(self, hidden: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch rows"]:
        """Logits of a residual stream: final norm, unembedding and cap (the logit lens)."""
        with self.active(gradients=hidden.requires_grad):
            return self.project(self._part("final_norm")(hidden.to(self.device, self.dtype)))

    def project(self, states: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch rows"]:
        """Logits of what `states` gives: unembedding and cap, without the final norm."""
        with self.active(gradients=states.requires_grad):
            logits: Tensor = self._part("unembed")(states.to(self.device, self.dtype))
            cap = self.network.softcap
            return logits if cap is None else torch.tanh(logits / cap) * cap

    def generate(
        self, prompts: Sequence[Text | str], sampling: Sampling, *, batch_size: int = 32
    ) -> tuple[Completion, ...]:
        """Completions, one for each prompt.

        Args:
            prompts: a string is the opening of a document; a chat goes through the template.
            sampling: how tokens are chosen.
            batch_size: prompts at a time; memory depends on it, results do not.
        """
        return tuple(completions(self, prompts, sampling, batch_size))

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
            prompts: what `Completion.prompt` says; none leaves it empty.
            first: place of the first row in the list that the seed counts through.
        """
        words = prompts or [""] * len(inputs.mask)
        return tuple(completions_of_batch(self, inputs, sampling, words, first))

    def generate_ids(
        self,
        inputs: Inputs,
        sampling: Sampling,
        *,
        vocabulary: int | None = None,
        numbers: Sequence[int] | None = None,
    ) -> list[GeneratedIds]:
        """Token ids that one batch is gone on with.

        Args:
            inputs: token ids or embeddings, padded on the left.
            sampling: how tokens are chosen.
            vocabulary: ids from here on are never chosen; none: those that have no token.
            numbers: what the draws of each row come from besides the seed; none: its place.
        """
        rows = range(len(inputs.mask)) if numbers is None else numbers
        return generated_ids(self, inputs, sampling, vocabulary or self.vocabulary, rows)

    @property
    def edited(self) -> bool:
        """Whether edits are in force in this thread."""
        return bool(self._edits.all)

    @contextmanager
    def active(self, *, gradients: bool = False, hooks: bool = True) -> Iterator[nn.Module]:
        """The module as this side: locked and switched, until the context ends.

        Args:
            gradients: whether passes record gradients.
            hooks: whether the edits in force are made.
        """
        with ExitStack() as stack:
            module = stack.enter_context(self.network.side(self.adapter))
            stack.enter_context(self.network.recomputing(gradients))
            stack.enter_context(torch.set_grad_enabled(gradients))
            for layer, function in self._edits.all if hooks else ():
                hook = self.network.blocks[layer].register_forward_hook(edit_hook(function))
                stack.callback(hook.remove)
            yield module

    def _part(self, name: str) -> Any:
        return attrgetter(getattr(self.network.architecture, name))(self.network.module)

    @property
    def _embedding(self) -> Any:
        return self._part("embed")

    @property
    def ends(self) -> frozenset[int]:
        """Ids that end a completion."""
        module: Any = self.network.module
        generation = getattr(module, "generation_config", None)
        return eos_ids_of(self.tokenizer, module.config, generation)
