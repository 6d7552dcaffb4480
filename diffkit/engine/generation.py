"""Generates tokens with a key-value cache.

This is written out instead of calling transformers' ``generate``, because that mixes in
the defaults of the model's generation_config.json (top-k, penalties), draws from the
global random state, and makes the draws of a row depend on its batch.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit.engine.inputs import Inputs
from diffkit.engine.tokenization import encode_prompt
from diffkit.sampling import Completion, Sampling
from diffkit.texts import Text

if TYPE_CHECKING:
    from diffkit.engine.model import Model


@runtime_checkable
class DecodingState(Protocol):
    """The state between two tokens of the rows that are still being generated."""

    def logits(self) -> Float[Tensor, "live rows"]:
        """Of the next token."""

    def forward(self, chosen: Int[Tensor, " live"]) -> None:
        """Takes in one token a row; `logits` are then of the token after it."""

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Forgets all rows but those in ``places``, counted among the live ones."""


class CachedDecoding:
    """One model: its cache of keys and values, mask and positions.

    Args:
        forward: a causal language model of transformers, or what calls one.
        inputs: padded on the left.
        keeps_few: whether the model takes ``logits_to_keep``.
    """

    def __init__(self, forward: Callable[..., Any], inputs: Inputs, *, keeps_few: bool) -> None:
        self._forward = forward
        self._kept = {"logits_to_keep": 1} if keeps_few else {}
        self._mask = inputs.mask
        self._next = inputs.mask.long().sum(dim=1, keepdim=True)
        self._cache: Any = None
        self._logits = self._run(
            {"input_ids": inputs.ids, "inputs_embeds": inputs.embeds}, inputs.positions
        )

    def logits(self) -> Float[Tensor, "live rows"]:
        """Of the next token."""
        return self._logits

    def forward(self, chosen: Int[Tensor, " live"]) -> None:
        """Takes in one token a row."""
        one = torch.ones_like(self._mask[:, :1])
        self._mask = torch.cat([self._mask, one], dim=1)
        self._logits = self._run({"input_ids": chosen[:, None]}, self._next)
        self._next = self._next + 1

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Forgets all rows but some."""
        self._mask, self._next = self._mask[places], self._next[places]
        self._cache.batch_select_indices(places)

    def _run(
        self, given: Mapping[str, Tensor | None], positions: Int[Tensor, "live new"]
    ) -> Float[Tensor, "live rows"]:
        output = self._forward(
            **given,
            attention_mask=self._mask.long(),
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            **self._kept,
        )
        self._cache = output.past_key_values
        last: Tensor = output.logits[:, -1]
        return last


_SPREAD = 1_000_003
"""Keeps the generators of neighbouring seeds and rows apart."""


@dataclass(frozen=True)
class GeneratedIds:
    """One row's new tokens."""

    ids: tuple[int, ...]
    """Without the end-of-sequence token."""
    finished: bool
    """Whether the model ended the row."""


def generate_batch(
    step: DecodingState,
    sampling: Sampling,
    *,
    vocabulary: int,
    ends: frozenset[int],
    numbers: Sequence[int],
) -> list[GeneratedIds]:
    """Generates one batch.

    Args:
        step: what gives the logits, before its first token.
        sampling: how tokens are chosen.
        vocabulary: ids from here on are never chosen.
        ends: ids that end a row.
        numbers: what a row's draws come from besides the seed, one for each row; rows of one
            number meet the same draws.
    """
    ends = ends if sampling.stop_at_eos else frozenset()
    draws = _draws(sampling, numbers)
    rows: list[list[int]] = [[] for _ in numbers]
    finished = [False] * len(rows)
    live = list(range(len(rows)))
    for number in range(sampling.max_new_tokens):
        chosen = sample_tokens(step.logits()[:, :vocabulary], sampling, draws[live, number])
        for row, token in zip(live, chosen.tolist(), strict=True):
            finished[row] = finished[row] or token in ends
            if not finished[row]:
                rows[row].append(token)
        going = [place for place, row in enumerate(live) if not finished[row]]
        if not going or number + 1 == sampling.max_new_tokens:
            break
        if 2 * len(going) <= len(live):  # most are done: the others need not wait for company
            live = [live[place] for place in going]
            places = torch.tensor(going, device=chosen.device)
            step.keep(places)
            chosen = chosen[places]
        step.forward(chosen)
    return [GeneratedIds(tuple(ids), end) for ids, end in zip(rows, finished, strict=True)]


def _draws(sampling: Sampling, numbers: Sequence[int]) -> Float[Tensor, "rows new"]:
    """Uniform numbers, one for each row and token, whatever batch the row is in."""
    drawn = []
    for row in numbers:
        generator = torch.Generator().manual_seed((sampling.seed * _SPREAD + row) % 2**63)
        drawn.append(torch.rand(sampling.max_new_tokens, generator=generator, dtype=torch.float64))
    return torch.stack(drawn)


def sample_tokens(
    logits: Float[Tensor, "batch vocabulary"], sampling: Sampling, draws: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """The next token of each row.

    Args:
        logits: of the real tokens.
        sampling: temperature and nucleus.
        draws: uniform on [0, 1), one for each row.
    """
    if sampling.temperature == 0:
        return logits.argmax(dim=-1)
    scaled = logits.double() / sampling.temperature
    ordered, tokens = scaled.softmax(dim=-1).sort(dim=-1, descending=True, stable=True)
    mass = ordered.cumsum(dim=-1)
    inside = mass - ordered < sampling.top_p  # the token that crosses top_p is still in
    mass = (ordered * inside).cumsum(dim=-1)
    target = draws.to(mass.device)[:, None] * mass[:, -1:]
    place = (mass <= target).sum(dim=-1, keepdim=True).clamp(max=mass.shape[-1] - 1)
    return tokens.gather(1, place)[:, 0]


def completions(
    model: "Model", prompts: Sequence[Text | str], sampling: Sampling, batch_size: int
) -> Iterator[Completion]:
    """One for each prompt, as `Model.generate` describes them."""
    for start in range(0, len(prompts), batch_size):
        batch = prompts[start : start + batch_size]
        rows = [encode_prompt(model.tokenizer, prompt) for prompt in batch]
        inputs = Inputs.of(rows, side="left", pad=model.tokenizer.pad_token_id or 0)
        words = [str(prompt) for prompt in batch]
        yield from completions_of_batch(model, inputs, sampling, words, start)


def completions_of_batch(
    model: "Model", inputs: Inputs, sampling: Sampling, prompts: Sequence[str], first: int
) -> Iterator[Completion]:
    """One for each row of a batch, as `Model.generate_from` describes them."""
    numbers = range(first, first + len(inputs.mask))
    rows = generated_ids(model, inputs, sampling, model.vocabulary, numbers)
    for prompt, row in zip(prompts, rows, strict=True):
        text = model.tokenizer.decode(row.ids, skip_special_tokens=True)
        yield Completion(prompt=prompt, text=text, tokens=len(row.ids), finished=row.finished)


def generated_ids(
    model: "Model", inputs: Inputs, sampling: Sampling, vocabulary: int, numbers: Sequence[int]
) -> list[GeneratedIds]:
    """Token ids for each row of a batch, as `Model.generate_ids` describes them."""
    with model.active() as module:
        return generate_batch(
            CachedDecoding(module, inputs.to(model.device), keeps_few=model.network.keeps_few),
            sampling,
            vocabulary=vocabulary,
            ends=model.ends,
            numbers=numbers,
        )
