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
"""Words with which the prompts are tried."""


@dataclass(frozen=True)
class IdentityPrompts:
    """Prompts such as `` cat -> cat⏎ hello -> hello⏎? ->``, each of other words."""

    ids: Int[Tensor, "prompts seq"]
    """All equally long, since each word is one token."""
    place: int
    """Column of the ``?``, in whose place something is written."""
    others: tuple[int, ...]
    """Words that stand in none of them."""

    def accuracy(self, side: Model) -> float:
        """How often a word in place of the ``?`` is what the model then says: 1 is always."""
        ids = self.ids.repeat_interleave(len(self.others), dim=0)
        ids[:, self.place] = torch.tensor(self.others).repeat(len(self.ids))
        said = side.logits(_unpadded_inputs(ids), keep=1)[:, -1, : side.vocabulary].argmax(dim=-1)
        return float((said.cpu() == ids[:, self.place]).double().mean())

    def patched(
        self, side: Model, layer: int, vectors: Float[Tensor, "vectors hidden"]
    ) -> Float[Tensor, "prompts vectors vocabulary"]:
        """Log probabilities of what is said when vectors are written over the ``?`` after a block.

        Args:
            side: who reads.
            layer: the block's number.
            vectors: what is written, one at a time.
        """
        rows = self.ids.repeat_interleave(len(vectors), dim=0)
        written = vectors.to(side.device, side.dtype).repeat(len(self.ids), 1)

        def write(stream: Float[Tensor, "rows seq hidden"]) -> Float[Tensor, "rows seq hidden"]:
            stream = stream.clone()
            stream[:, self.place] = written
            return stream

        with side.edit(layer, write):
            logits = side.logits(_unpadded_inputs(rows), keep=1)[:, -1, : side.vocabulary]
        said = logits.double().log_softmax(dim=-1).cpu()
        return said.view(len(self.ids), len(vectors), -1)


def _unpadded_inputs(ids: Int[Tensor, "rows seq"]) -> Inputs:
    return Inputs(torch.ones_like(ids, dtype=torch.bool), ids=ids)


def identity_prompts(
    tokenizer: Any, texts: Texts, *, prompts: int, seed: int
) -> IdentityPrompts | None:
    """Prompts of randomly chosen words of the suite's texts.

    None where these are too few, or the tokenizer knows no question mark.

    Args:
        tokenizer: words that it takes for one token count.
        texts: the suite's texts.
        prompts: how many prompts.
        seed: seed of the choice.
    """
    found = _single_tokens(tokenizer, texts)
    arrow, line, mark = (_encode(tokenizer, part) for part in (" ->", "\n", "?"))
    if len(found) < prompts * _WORDS + _HELD_OUT or not mark:
        return None
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.tensor(found)[torch.randperm(len(found), generator=generator)].tolist()
    rows = []
    for start in range(0, prompts * _WORDS, _WORDS):
        pairs = ([word, *arrow, word, *line] for word in drawn[start : start + _WORDS])
        rows.append([token for pair in pairs for token in pair])
    ids = [[*row, mark[-1], *arrow] for row in rows]
    others = tuple(drawn[prompts * _WORDS : prompts * _WORDS + _HELD_OUT])
    return IdentityPrompts(torch.tensor(ids), len(rows[0]), others)


def _single_tokens(tokenizer: Any, texts: Texts) -> Sequence[int]:
    """Words that are one token inside a sentence, in the order of the texts."""
    words = dict.fromkeys(word for text in texts.items for word in _WORD.findall(str(text)))
    spellings = ((f" {word}", word) for word in words)  # some tokenizers add the space themselves
    rows = ([_encode(tokenizer, one) for one in both] for both in spellings)
    singles = (next((ids[0] for ids in both if len(ids) == 1), None) for both in rows)
    return list(dict.fromkeys(token for token in singles if token is not None))


def _encode(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, verbose=False).input_ids)


@dataclass(frozen=True)
class PatchscopeResult:
    """What was said at one scale."""

    direction: Direction
    scale: float
    """Length of what was written, in multiples of the stream's typical norm."""
    scores: Float[Tensor, " vocabulary"]
    """How much more likely than after random vectors a token is in the prompt where it is so
    least, in nats, float64."""
    agreement: float
    """Mean overlap (Jaccard) of the prompts' best tokens, less that of random vectors."""


def patchscope(
    side: Model,
    prompts: IdentityPrompts,
    direction: Direction,
    config: ActivationLensConfig,
    seed: int,
) -> PatchscopeResult:
    """Writes the direction at every scale and keeps the one on which the prompts agree most.

    Args:
        side: who reads.
        prompts: identity prompts.
        direction: what is written, beside random directions of the same norm.
        config: scales, controls, and how many tokens are best.
        seed: seed of the random directions.
    """
    generator = torch.Generator().manual_seed(seed)
    controls = [direction.random(generator).unit for _ in range(config.controls)]
    units = torch.stack([direction.unit, *controls])
    tried = []
    for scale in config.patchscope_scales:
        said = prompts.patched(side, direction.layer, units * (scale * direction.norm))
        # each vector against the others' mean, so that its own share is not in it
        promoted = (said - said.mean(dim=1, keepdim=True)) * len(units) / (len(units) - 1)
        own, *random = (_agreement(each, config.tokens) for each in promoted.unbind(dim=1))
        least = promoted[:, 0].amin(dim=0)
        tried.append(PatchscopeResult(direction, scale, least, own - fmean(random)))
    return max(tried, key=lambda patched: patched.agreement)


def _agreement(promoted: Float[Tensor, "prompts vocabulary"], count: int) -> float:
    """Mean Jaccard overlap of the best tokens of each two prompts."""
    rows = promoted.topk(min(count, promoted.shape[-1]), dim=-1).indices.tolist()
    best = [frozenset(row) for row in rows]
    return fmean(len(one & other) / len(one | other) for one, other in combinations(best, 2))
