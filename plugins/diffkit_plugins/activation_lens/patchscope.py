"""Patchscope: writes a direction into identity prompts and reads which token follows.

Takes the texts' words and a direction. Gives a score for each token of the vocabulary.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Inputs, Model, Texts
from diffkit_plugins.activation_lens.config import ActivationLensConfig
from diffkit_plugins.activation_lens.mean_shift import Direction

_WORD = re.compile(r"[^\W\d_]{2,}")
_WORDS = 5
"""Words in each prompt."""
_HELD_OUT = 8
"""Words with which the accuracy of the prompts is measured."""


@dataclass(frozen=True)
class IdentityPrompts:
    """Prompts such as `` cat -> cat⏎ hello -> hello⏎? ->``, with different words in each."""

    ids: Int[Tensor, "prompts seq"]
    """Token ids; all prompts are equally long, since each word is one token."""
    placeholder: int
    """Column of the ``?``, whose activation is replaced."""
    held_out: tuple[int, ...]
    """Tokens of words that no prompt contains."""

    def accuracy(self, side: Model) -> float:
        """Share of words that the model repeats if they replace the ``?``, from 0 to 1."""
        ids = self.ids.repeat_interleave(len(self.held_out), dim=0)
        ids[:, self.placeholder] = torch.tensor(self.held_out).repeat(len(self.ids))
        top = side.logits(_unpadded_inputs(ids), keep=1)[:, -1, : side.vocabulary].argmax(dim=-1)
        return float((top.cpu() == ids[:, self.placeholder]).double().mean())

    def patched(
        self, side: Model, layer: int, vectors: Float[Tensor, "vectors hidden"]
    ) -> Float[Tensor, "prompts vectors vocabulary"]:
        """Log probabilities of the next token with vectors in place of the ``?`` after a block.

        Args:
            side: the model that reads the prompts.
            layer: the block's number.
            vectors: the vectors to write, one at a time.
        """
        rows = self.ids.repeat_interleave(len(vectors), dim=0)
        written = vectors.to(side.device, side.dtype).repeat(len(self.ids), 1)

        def write(stream: Float[Tensor, "rows seq hidden"]) -> Float[Tensor, "rows seq hidden"]:
            stream = stream.clone()
            stream[:, self.placeholder] = written
            return stream

        with side.edit(layer, write):
            logits = side.logits(_unpadded_inputs(rows), keep=1)[:, -1, : side.vocabulary]
        log_probs = logits.double().log_softmax(dim=-1).cpu()
        return log_probs.view(len(self.ids), len(vectors), -1)


def _unpadded_inputs(ids: Int[Tensor, "rows seq"]) -> Inputs:
    return Inputs(torch.ones_like(ids, dtype=torch.bool), ids=ids)


def identity_prompts(
    tokenizer: Any, texts: Texts, *, prompts: int, seed: int
) -> IdentityPrompts | None:
    """Makes prompts of randomly chosen words of the texts.

    None if the texts have too few words of one token, or the tokenizer has no question mark.

    Args:
        tokenizer: the models' tokenizer.
        texts: the texts whose words are used.
        prompts: number of prompts.
        seed: seed of the choice.
    """
    words = _single_tokens(tokenizer, texts)
    arrow, line, mark = (_encode(tokenizer, part) for part in (" ->", "\n", "?"))
    if len(words) < prompts * _WORDS + _HELD_OUT or not mark:
        return None
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.tensor(words)[torch.randperm(len(words), generator=generator)].tolist()
    starts = range(0, prompts * _WORDS, _WORDS)
    rows = [_repeated_words(drawn[start : start + _WORDS], arrow, line) for start in starts]
    ids = [[*row, mark[-1], *arrow] for row in rows]
    held_out = tuple(drawn[prompts * _WORDS : prompts * _WORDS + _HELD_OUT])
    return IdentityPrompts(torch.tensor(ids), len(rows[0]), held_out)


def _repeated_words(words: Sequence[int], arrow: Sequence[int], line: Sequence[int]) -> list[int]:
    """Token ids of one line ``word -> word`` for each word."""
    return [token for word in words for token in (word, *arrow, word, *line)]


def _single_tokens(tokenizer: Any, texts: Texts) -> Sequence[int]:
    """Tokens of the words that are one token inside a sentence, in the order of the texts."""
    words = dict.fromkeys(word for text in texts.items for word in _WORD.findall(str(text)))
    spellings = ((f" {word}", word) for word in words)  # some tokenizers add the space themselves
    rows = ([_encode(tokenizer, one) for one in both] for both in spellings)
    singles = (next((ids[0] for ids in both if len(ids) == 1), None) for both in rows)
    return list(dict.fromkeys(token for token in singles if token is not None))


def _encode(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)


@dataclass(frozen=True)
class PatchscopeResult:
    """What the identity prompts decode a direction to at one scale."""

    direction: Direction
    scale: float
    """Length of the written vector, in multiples of the stream's typical norm."""
    scores: Float[Tensor, " vocabulary"]
    """Log probability above that of random vectors, in nats: the least over prompts, in float64."""
    agreement: float
    """Mean Jaccard overlap of the prompts' top tokens, less that of random vectors."""


def patchscope(
    side: Model,
    prompts: IdentityPrompts,
    direction: Direction,
    config: ActivationLensConfig,
    seed: int,
) -> PatchscopeResult:
    """Writes the direction at every scale and keeps the scale at which the prompts agree most.

    Args:
        side: the model that reads the prompts.
        prompts: identity prompts.
        direction: the direction to write; random directions of the same norm are controls.
        config: scales, number of controls, and number of top tokens that are compared.
        seed: seed of the random directions.
    """
    generator = torch.Generator().manual_seed(seed)
    controls = [direction.random(generator).unit for _ in range(config.controls)]
    units = torch.stack([direction.unit, *controls])
    results = []
    for scale in config.patchscope_scales:
        log_probs = prompts.patched(side, direction.layer, units * (scale * direction.norm))
        promoted = _minus_mean_of_others(log_probs)
        own, *random = (_agreement(each, config.tokens) for each in promoted.unbind(dim=1))
        scores = promoted[:, 0].amin(dim=0)
        results.append(PatchscopeResult(direction, scale, scores, own - fmean(random)))
    return max(results, key=lambda result: result.agreement)


def _minus_mean_of_others(
    log_probs: Float[Tensor, "prompts vectors vocabulary"],
) -> Float[Tensor, "prompts vectors vocabulary"]:
    """Log probabilities less the mean of the other vectors, which excludes the vector itself."""
    count = log_probs.shape[1]
    return (log_probs - log_probs.mean(dim=1, keepdim=True)) * count / (count - 1)


def _agreement(promoted: Float[Tensor, "prompts vocabulary"], count: int) -> float:
    """Mean Jaccard overlap of the top tokens over pairs of prompts."""
    rows = promoted.topk(min(count, promoted.shape[-1]), dim=-1).indices.tolist()
    best = [frozenset(row) for row in rows]
    return fmean(len(one & other) / len(one | other) for one, other in combinations(best, 2))
