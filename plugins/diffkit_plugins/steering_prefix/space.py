"""The tokens that a prefix may be made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import Model, UserError
from diffkit_plugins.steering_prefix.bans import Bans
from diffkit_plugins.steering_prefix.closeness import Closeness
from diffkit_plugins.steering_prefix.objective import Objective
from diffkit_plugins.steering_prefix.printable import printable
from diffkit_plugins.steering_prefix.search_options import SearchOptions
from diffkit_plugins.steering_prefix.usable import token_texts, usable
from diffkit_plugins.steering_prefix.words import skeleton, words


class NoPrefix(UserError):
    """Nothing is left that a prefix may be."""


@dataclass(frozen=True)
class TokenSpace:
    """The model's readable tokens, less those that say a banned word.

    Special and added tokens, rows without a token, and tokens that are no text by themselves (half
    a character, say) are never in it.
    """

    model: Model
    """The model that reads the prefix."""
    embeddings: Float[Tensor, "vocabulary hidden"]
    """What the model reads at each token, in float32."""
    texts: tuple[str, ...]
    """What each token says by itself."""
    allowed: Bool[Tensor, " vocabulary"]
    """Tokens that a prefix may hold."""
    reads_back: Callable[[Int[Tensor, "tried length"]], list[bool]]
    """Whether each prefix, decoded and tokenised again in its place, is itself."""
    bans: Bans = field(default_factory=Bans)
    """Words that no prefix may say."""
    printable: bool = False
    """Whether a prefix may hold letters, digits, punctuation and single spaces only."""
    disliked: Closeness | None = None
    """What is penalised instead of banned, if anything."""

    @classmethod
    def of(
        cls, objective: Objective, options: SearchOptions, ban: Sequence[str] = ()
    ) -> "TokenSpace":
        """The tokens of an objective's model, under the bans and penalties of the options.

        Args:
            objective: what the prefix is searched for.
            options: which words are banned or penalised, and whether a prefix must be printable.
            ban: more words that are treated so, such as a reference's own.

        Raises:
            NoPrefix: no token is left.
            UserError: a word cannot be banned.
        """
        model, banned = objective.model, [*options.ban, *ban]
        ids = torch.arange(model.vocabulary, device=model.device)
        embeddings = model.embed(ids[None])[0].float()
        texts = token_texts(model)
        bans, disliked = Bans.of(banned), None
        if options.ban_weight is not None and banned:
            disliked = Closeness.of(model, embeddings, texts, banned, options.ban_weight)
            bans = Bans()
        return cls(
            model,
            embeddings,
            tuple(texts),
            usable(model, texts).to(model.device),
            objective.reads_back,
            bans,
            options.printable,
            disliked,
        )._narrowed()

    @cached_property
    def size(self) -> int:
        """How many tokens a prefix may hold."""
        return int(self.allowed.sum())

    def penalising(self, words: Sequence[str], weight: float) -> "TokenSpace":
        """The same space, in which closeness to more words is penalised.

        Args:
            words: whatever `said` gives.
            weight: nats, the same as that of words that are disliked already.
        """
        more = Closeness.of(self.model, self.embeddings, self.texts, words, weight)
        return replace(self, disliked=self.disliked.and_also(more) if self.disliked else more)

    def without(self, banned: Sequence[str]) -> "TokenSpace":
        """The same space with more words banned.

        Raises:
            NoPrefix: no token is left.
            UserError: a word cannot be banned.
        """
        return replace(self, bans=self.bans.and_also(Bans.of(banned)))._narrowed()

    def text(self, ids: Sequence[int]) -> str:
        """A prefix as it reads."""
        text: str = self.model.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text

    def said(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The words of a prefix and those of its single tokens, as they can be banned."""
        tokens = [self.texts[token] for token in ids]
        return tuple(sorted({*words(self.text(ids)), *map(skeleton, tokens)} - {""}))

    def keeps(self, prefixes: Int[Tensor, "tried length"]) -> Bool[Tensor, " tried"]:
        """Which prefixes are of allowed tokens, read back as themselves, and say no banned word."""
        good = self.allowed[prefixes].all(dim=1)
        rows = good.nonzero().squeeze(1)
        rows = rows[[self._may_say(self.text(row)) for row in prefixes[rows].tolist()]]
        rows = rows[self.reads_back(prefixes[rows])] if len(rows) else rows
        return torch.zeros_like(good).index_fill(0, rows, value=True)

    def penalty(self, prefixes: Int[Tensor, "tried length"]) -> Float[Tensor, " tried"]:
        """Nats added for closeness to what is disliked; 0 where nothing is."""
        return self.penalty_at(self.embeddings[prefixes])

    def penalty_at(
        self, embeddings: Float[Tensor, "*tried length hidden"]
    ) -> Float[Tensor, " *tried"]:
        """The same for embeddings that need not be tokens'; differentiable."""
        if self.disliked is None or not embeddings.shape[-2]:
            return embeddings.new_zeros(embeddings.shape[:-2])
        return self.disliked.of_tokens(embeddings).mean(dim=-1)

    def _may_say(self, text: str) -> bool:
        return not self.bans.spoken(text) and (not self.printable or printable(text))

    def _narrowed(self) -> "TokenSpace":
        may = torch.tensor([self._may_say(text) for text in self.texts], dtype=torch.bool)
        allowed = self.allowed & may.to(self.allowed.device)
        if not allowed.any():
            what = "No token is left that a prefix may hold."
            raise NoPrefix(what, cure="Ban fewer words, or shorter prefixes of them.")
        return replace(self, allowed=allowed)
