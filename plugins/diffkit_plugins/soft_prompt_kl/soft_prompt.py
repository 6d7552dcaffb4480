"""Soft prompts beside the vocabulary: initial values, the bound on norms, nearest tokens.

Takes a model's input embeddings. Gives statistics of them, initial soft prompts, and the tokens of
the vocabulary that are nearest to each soft token.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from diffkit import Model, ModelPair, UserError
from diffkit_plugins.soft_prompt_kl.data import PromptContext

_ROWS = 4_096
"""Embeddings read at a time."""


@dataclass(frozen=True)
class EmbeddingStatistics:
    """Statistics of a table of embeddings."""

    deviation: float
    """Standard deviation of all coordinates of all embeddings."""
    norms: Float[Tensor, " tokens"]
    """Euclidean norm of each embedding, float32."""
    digest: str
    """SHA-256 of the table in float32, in hexadecimal."""

    @property
    def median(self) -> float:
        """Median norm."""
        return self.limit(0.5)

    def limit(self, quantile: float) -> float:
        """A quantile of the norms, the smaller neighbour where it lies between two."""
        return float(np.quantile(self.norms.numpy(), quantile, method="lower"))

    @classmethod
    def of(cls, side: Model, count: int) -> "EmbeddingStatistics":
        """Reads a side's embeddings of the first ``count`` tokens, a few at a time."""
        total, squares, norms, digest = 0.0, 0.0, [], hashlib.sha256()
        for rows in _tables(side, count):
            total += float(rows.double().sum())
            squares += float(rows.double().square().sum())
            norms.append(rows.norm(dim=1))
            digest.update(rows.numpy().tobytes())
        entries = count * side.d_model
        deviation = max(squares / entries - (total / entries) ** 2, 0.0) ** 0.5
        return cls(deviation, torch.cat(norms), digest.hexdigest())


def _tables(side: Model, count: int) -> Iterator[Float[Tensor, "rows hidden"]]:
    for start in range(0, count, _ROWS):
        ids = torch.arange(start, min(start + _ROWS, count))
        yield side.embed(ids[None])[0].detach().float().cpu()


def initial_prompt(
    side: Model,
    vocabulary: EmbeddingStatistics,
    length: int,
    kind: str,
    chance: torch.Generator,
) -> Float[Tensor, "length hidden"]:
    """Soft tokens before any training, float32, on the side's device.

    Args:
        side: whose embeddings they are like.
        vocabulary: statistics of these.
        length: how many.
        kind: ``normal`` gives normal vectors of the vocabulary's median norm, anything else
            embeddings of random tokens that are not special. Vectors of N(0, 1) as they are would
            be many times as long as any token's (Lester, Al-Rfou and Constant 2021 compare both
            kinds).
        chance: where they are drawn from.
    """
    if kind == "normal":
        drawn = torch.randn(length, side.d_model, generator=chance)
        scaled: Tensor = drawn / drawn.norm(dim=1, keepdim=True) * vocabulary.median
        return scaled.to(side.device)
    special = set(side.tokenizer.all_special_ids)
    ordinary = [token for token in range(len(vocabulary.norms)) if token not in special]
    places = torch.randint(len(ordinary), (length,), generator=chance)
    return _embedded(side, torch.tensor(ordinary)[places].tolist())


def initial_prompt_from_text(
    side: Model, vocabulary: EmbeddingStatistics, length: int, text: str
) -> Float[Tensor, "length hidden"]:
    """Embeddings of a text's first tokens, float32; a text of fewer is repeated.

    As `PromptTuningInit.TEXT` of PEFT has it.

    Args:
        side: whose tokenizer and embeddings.
        vocabulary: the tokens that both sides have; others are left out.
        length: how many soft tokens.
        text: the text.

    Raises:
        UserError: it has no tokens that both sides have.
    """
    found = side.tokenizer(text, add_special_tokens=False).input_ids
    known = [token for token in found if token < len(vocabulary.norms)]
    if not known:
        what = f"The text {text!r} of initialisation has no token that both sides have."
        raise UserError(what, hint="Give other words, or leave out initialisation.")
    return _embedded(side, list(islice(cycle(known), length)))


def _embedded(side: Model, ids: list[int]) -> Float[Tensor, "length hidden"]:
    return side.embed(torch.tensor([ids]))[0].detach().float().clone()


def limit_norms(
    prompt: Float[Tensor, "length hidden"], limit: float
) -> Float[Tensor, "length hidden"]:
    """Each soft token, shortened to the norm ``limit`` where it is longer."""
    return torch.renorm(prompt, p=2, dim=0, maxnorm=limit)


@dataclass(frozen=True)
class NearestTokens:
    """What lies nearest to each soft token, among the tokens that both sides have."""

    closest: Int[Tensor, " length"]
    """Ids at the least Euclidean distance."""
    distances: Float[Tensor, " length"]
    """To them, in norms of the soft tokens."""
    aligned: Int[Tensor, " length"]
    """Ids with the largest cosine similarity."""
    cosines: Float[Tensor, " length"]
    """Of them."""
    norms: Float[Tensor, " length"]
    """Of the soft tokens, in the vocabulary's median norm."""

    def before(self, contexts: Sequence[PromptContext]) -> tuple[PromptContext, ...]:
        """The contexts after the prompt as text: each soft token replaced by the closest one."""
        hard = tuple(self.closest.tolist())
        return tuple(replace(context, ids=hard + context.ids) for context in contexts)


def nearest_tokens(pair: ModelPair, prompt: Float[Tensor, "length hidden"]) -> NearestTokens:
    """Compares the prompt with the base's input embeddings."""
    table = pair.base.embed(torch.arange(pair.vocabulary)[None])[0].float()
    soft = prompt.to(table.device, torch.float32)
    norms, lengths = soft.norm(dim=-1), table.norm(dim=-1)
    products = soft @ table.T
    cosines = products / (norms[:, None] * lengths).clamp(min=1e-12)
    squares = norms[:, None].square() - 2 * products + lengths.square()
    close, similar = squares.min(dim=-1), cosines.max(dim=-1)
    return NearestTokens(
        close.indices.cpu(),
        (close.values.clamp(min=0).sqrt() / norms.clamp(min=1e-12)).cpu(),
        similar.indices.cpu(),
        similar.values.cpu(),
        (norms / lengths.median()).cpu(),
    )


def append_token(
    prompt: Float[Tensor, "length hidden"], token: Float[Tensor, "1 hidden"]
) -> Float[Tensor, "lengthened hidden"]:
    """The prompt with a token after its last, next to what is read."""
    return torch.cat([prompt, token.to(prompt)])
