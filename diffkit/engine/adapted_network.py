"""Forward passes of a network with one adapter switched on, and edits of the residual stream."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from diffkit.engine.architectures import resolve_layers
from diffkit.engine.forward.finite import CheckedSide, checked_output, is_finite
from diffkit.engine.forward.limits import fitted, with_rows
from diffkit.engine.inputs import Inputs
from diffkit.engine.network import Network
from diffkit.engine.weight_changes.effective_weights import effective_weights
from diffkit.errors import NonFinite

Edit = Callable[[Float[Tensor, "batch seq hidden"]], Float[Tensor, "batch seq hidden"]]
"""A function that replaces the residual stream after a block."""


class ActiveEdits(threading.local):
    """The edits that are active in this thread, as (layer, function), oldest first."""

    def __init__(self) -> None:
        self.all: tuple[tuple[int, Edit], ...] = ()


def apply_edit(function: Edit, output: Any) -> Any:
    """A block's output after ``function``; some architectures put the stream in a tuple."""
    if isinstance(output, tuple):
        return (function(output[0]), *output[1:])
    return function(output)


class AdaptedNetwork(CheckedSide):
    """The part of a `Model` that tokenises nothing: token ids or embeddings in, tensors out.

    Gradients flow only where ``inputs.embeds`` (or ``hidden``) requires them; parameters never
    take gradients. Nothing here depends on which side of a pair the model is, except its name in
    errors.

    Outputs that are not finite are refused where they arise (`NonFinite`), and so are tokens that
    the embedding has no row for and texts beyond the learned positions (`BadModel`).
    """

    side = "the model"

    def __init__(self, network: Network, adapter: str | None = None, tokenizer: Any = None) -> None:
        self.network = network
        self.adapter = adapter
        self.tokenizer: Any = network.tokenizer if tokenizer is None else tokenizer
        self._edits = ActiveEdits()

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        device: torch.device = next(self.network.module.parameters()).device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the activations."""
        dtype: torch.dtype = self._embedding.weight.dtype
        return dtype

    @property
    def layers(self) -> int:
        """Number of transformer blocks."""
        return len(self.network.blocks)

    def resolve_layers(self, layers: Sequence[int | float]) -> tuple[int, ...]:
        """Block numbers from 0 of layers given as `Model.resid` takes them.

        Raises:
            UserError: a layer lies outside the model.
        """
        return resolve_layers(layers, self.layers)

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return int(self._embedding.weight.shape[1])

    @property
    def vocab_rows(self) -> int:
        """Rows of the unembedding: the number of logits, padded rows included."""
        return int(self._part("unembed").weight.shape[0])

    @property
    def embed_rows(self) -> int:
        """Rows of the input embedding: ids from here on cannot be read."""
        return int(self._embedding.weight.shape[0])

    @property
    def vocabulary(self) -> int:
        """Number of real tokens: ids below it have both a row and a token."""
        return min(len(self.tokenizer), self.vocab_rows)

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Names and values of its weights, the factors of a low-rank product by themselves."""
        for weight in effective_weights(self.network.module, self.adapter):
            yield weight.name, weight.value
            if weight.low_rank is not None:
                yield f"{weight.name} (LoRA's B)", weight.low_rank.left
                yield f"{weight.name} (LoRA's A)", weight.low_rank.right

    def logits(
        self, inputs: Inputs, keep: int | slice | None = None
    ) -> Float[Tensor, "batch kept rows"]:
        """Next-token logits, computed only for the positions that are kept.

        Args:
            inputs: the batch.
            keep: the number of last positions, or a slice of positions; none keeps all.
        """
        inputs = fitted(self, inputs)
        kept = inputs.kept(keep)
        with self.active(gradients=inputs.differentiable) as module:
            few = {"logits_to_keep": kept} if self.network.keeps_few else {}
            read: Tensor = module(**inputs.forward_arguments, **few).logits
            read = read if few else read[:, kept]
            return checked_output(self, read, "logits", inputs=inputs, columns=kept)

    @property
    def projects_final_states(self) -> bool:
        """Whether `project` makes the model's own logits of `final_states`.

        An architecture that a user described may scale its logits in a way that is not known here.
        """
        known: bool | None = self.network.projects
        if known is not None:
            return known
        ids = torch.tensor([[0, 1]])
        inputs = Inputs(torch.ones_like(ids, dtype=torch.bool), ids=ids)
        try:
            own, made = self.logits(inputs), self.project(self.final_states(inputs))
        except NonFinite:  # what reads a text will name it, and not this probe
            return True
        found: bool = float((own - made).abs().max()) <= 0.05 * float(own.abs().max())
        self.network.projects = found
        return found

    def final_states(
        self, inputs: Inputs, keep: int | slice | None = None
    ) -> Float[Tensor, "batch kept hidden"]:
        """The input of the unembedding: the residual stream after the final norm.

        `project` makes logits of it, for as few positions at a time as memory allows.

        Args:
            inputs: the batch.
            keep: the positions kept, as in `logits`.
        """
        inputs = fitted(self, inputs)
        kept = inputs.kept(keep)
        with self.active(gradients=inputs.differentiable) as module:
            body: Any = module.base_model  # the transformer without its unembedding
            read: Tensor = body(**inputs.forward_arguments).last_hidden_state
            return checked_output(self, read[:, kept], "final states", inputs=inputs, columns=kept)

    def embed(self, ids: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq hidden"]:
        """Input embeddings of tokens, from this side's own table.

        Raises:
            BadModel: a token has no row.
        """
        ids = ids.to(self.device)
        given = with_rows(self, Inputs(torch.ones_like(ids, dtype=torch.bool), ids=ids))
        with self.active() as module:
            embedded: Tensor = attrgetter(self.network.architecture.embed)(module)(given.ids)
            return checked_output(self, embedded, "embeddings", inputs=given)

    def unembed(self, hidden: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch rows"]:
        """Logits of a residual stream: final norm, unembedding and softcap (the logit lens)."""
        with self.active(gradients=hidden.requires_grad):
            return self.project(self._part("final_norm")(hidden.to(self.device, self.dtype)))

    def project(self, states: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch rows"]:
        """Logits of `final_states`: unembedding and softcap, without the final norm."""
        with self.active(gradients=states.requires_grad):
            # contiguous: else torch may multiply bfloat16 with a copy of the weights for each row
            contiguous = states.to(self.device, self.dtype).contiguous()
            logits: Tensor = self._part("unembed")(contiguous)
            cap = self.network.softcap
            capped = logits if cap is None else torch.tanh(logits / cap) * cap
            return checked_output(self, capped, "logits") if is_finite(states) else capped

    @contextmanager
    def edit(self, layer: int | float, function: Edit) -> Iterator[None]:
        """Replaces a block's output by ``function`` of it, in this model and thread.

        `logits`, `Model.resid` and `Model.generate` see the change; generation calls ``function``
        with the whole prompt once and then with one position at a time.

        Args:
            layer: a block's number, or a fraction of depth.
            function: maps the residual stream to one of the same shape.
        """
        (number,) = self.resolve_layers([layer])
        before = self._edits.all
        self._edits.all = (*before, (number, function))
        try:
            yield
        finally:
            self._edits.all = before

    @property
    def edited(self) -> bool:
        """Whether edits are active in this thread."""
        return bool(self._edits.all)

    @contextmanager
    def active(self, *, gradients: bool = False, hooks: bool = True) -> Iterator[nn.Module]:
        """The module as this side: locked and switched, until the context ends.

        Args:
            gradients: whether forward passes record gradients.
            hooks: whether active edits are applied.
        """
        with ExitStack() as stack:
            module = stack.enter_context(self.network.side(self.adapter))
            stack.enter_context(self.network.recomputing(gradients))
            stack.enter_context(torch.set_grad_enabled(gradients))
            for layer, function in self._edits.all if hooks else ():
                hook = self.network.blocks[layer].register_forward_hook(_edit_hook(function))
                stack.callback(hook.remove)
            yield module

    def _part(self, name: str) -> Any:
        return attrgetter(getattr(self.network.architecture, name))(self.network.module)

    @property
    def _embedding(self) -> Any:
        return self._part("embed")


def _edit_hook(function: Edit) -> Callable[[nn.Module, Any, Any], Any]:
    return lambda _module, _arguments, output: apply_edit(function, output)
