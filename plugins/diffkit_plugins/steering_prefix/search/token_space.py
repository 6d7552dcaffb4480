"""The tokens that a prefix may be made of.

Takes an objective and options. Tells which tokens and which whole prefixes are allowed, and gives
the penalty on those that are close to disliked words.
"""

import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffkit import Model, UserError
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.objectives.base import PrefixObjective
from diffkit_plugins.steering_prefix.search.bans import (
    BannedWords,
    ClosenessPenalty,
    normalise_text,
    normalised_words,
)

_UNUSED = re.compile(r"[\[<(|]+(unused|reserved|extra|dummy|pad)[\w ]*\d*[\])>|]*", re.IGNORECASE)

_CHUNK = 4_096


def token_texts(model: Model) -> list[str]:
    """The text of each token of the vocabulary alone."""
    texts: list[str] = []
    for start in range(0, model.vocabulary, _CHUNK):
        ids = range(start, min(start + _CHUNK, model.vocabulary))
        texts += model.tokenizer.batch_decode(
            [[token] for token in ids], clean_up_tokenization_spaces=False
        )
    return texts


def usable_tokens(model: Model, texts: list[str]) -> Bool[Tensor, " vocabulary"]:
    """Tokens that a user can type: no special, added, unused, invisible or incomplete ones.

    Args:
        model: the model whose tokens they are.
        texts: the result of `token_texts`.
    """
    tokenizer = model.tokenizer
    excluded = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values(), *model.eos_ids}
    names = tokenizer.convert_ids_to_tokens(list(range(model.vocabulary)))
    return torch.tensor(
        [
            token not in excluded
            and name is not None
            and _can_be_typed(text)
            and not _UNUSED.fullmatch(name)
            for token, (name, text) in enumerate(zip(names, texts, strict=True))
        ],
        dtype=torch.bool,
    )


def _can_be_typed(text: str) -> bool:
    return bool(text) and all(
        char in "\n\t"
        or (char != "\N{REPLACEMENT CHARACTER}" and unicodedata.category(char)[0] != "C")
        for char in text
    )


def is_printable(text: str) -> bool:
    """Whether a string has letters, digits, punctuation and single spaces only.

    Letters of any script count, in composed form (NFC), into which programs convert text.
    """
    if "  " in text or unicodedata.normalize("NFC", text) != text:
        return False
    return all(
        char == " " or char in string.punctuation or unicodedata.category(char)[0] in "LMNP"
        for char in text
    )


class NoPrefixError(UserError):
    """No prefix is allowed."""


@dataclass(frozen=True)
class TokenSpace:
    """The readable tokens of a model, without those that contain a banned word.

    Special and added tokens, rows without a token, and tokens that are not a whole text (such as
    half a character) are never part of it.
    """

    model: Model
    """The model that reads the prefix."""
    embeddings: Float[Tensor, "vocabulary hidden"]
    """The embedding of each token, in float32."""
    texts: tuple[str, ...]
    """The text of each token alone."""
    allowed: Bool[Tensor, " vocabulary"]
    """Tokens that a prefix may hold."""
    round_trips: Callable[[Int[Tensor, "prefixes length"]], list[bool]]
    """Whether each prefix has the same tokens after a round trip through text in its position."""
    bans: BannedWords = field(default_factory=BannedWords)
    """Words that no prefix may contain."""
    printable: bool = False
    """Whether a prefix may hold letters, digits, punctuation and single spaces only."""
    disliked: ClosenessPenalty | None = None
    """Words that are penalised instead of banned, if any."""

    @classmethod
    def of(
        cls, objective: PrefixObjective, options: SearchOptions, ban: Sequence[str] = ()
    ) -> "TokenSpace":
        """The tokens of an objective's model, with the bans and penalties of the options.

        Args:
            objective: the objective of the search.
            options: which words are banned or penalised, and whether a prefix must be printable.
            ban: further words to ban or penalise, such as those of a reference.

        Raises:
            NoPrefixError: no token is left.
            UserError: a word cannot be banned.
        """
        model, banned = objective.model, [*options.ban, *ban]
        ids = torch.arange(model.vocabulary, device=model.device)
        embeddings = model.embed(ids[None])[0].float()
        texts = token_texts(model)
        bans, disliked = BannedWords.of(banned), None
        if options.ban_weight is not None and banned:
            disliked = ClosenessPenalty.of(model, embeddings, texts, banned, options.ban_weight)
            bans = BannedWords()
        return cls(
            model,
            embeddings,
            tuple(texts),
            usable_tokens(model, texts).to(model.device),
            objective.round_trips,
            bans,
            options.printable,
            disliked,
        )._with_allowed()

    @cached_property
    def size(self) -> int:
        """The number of allowed tokens."""
        return int(self.allowed.sum())

    def penalising(self, words: Sequence[str], weight: float) -> "TokenSpace":
        """The same space with a penalty on closeness to more words.

        Args:
            words: the result of `words_of`.
            weight: nats, the same as for the words that are already disliked.
        """
        more = ClosenessPenalty.of(self.model, self.embeddings, self.texts, words, weight)
        return replace(self, disliked=self.disliked.union(more) if self.disliked else more)

    def without(self, banned: Sequence[str]) -> "TokenSpace":
        """The same space with more words banned.

        Raises:
            NoPrefixError: no token is left.
            UserError: a word cannot be banned.
        """
        return replace(self, bans=self.bans.union(BannedWords.of(banned)))._with_allowed()

    def text(self, ids: Sequence[int]) -> str:
        """A prefix as text."""
        text: str = self.model.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text

    def words_of(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The words of a prefix and of its single tokens, normalised as for a ban."""
        tokens = [self.texts[token] for token in ids]
        return tuple(
            sorted({*normalised_words(self.text(ids)), *map(normalise_text, tokens)} - {""})
        )

    def accepts(self, prefixes: Int[Tensor, "prefixes length"]) -> Bool[Tensor, " prefixes"]:
        """Which prefixes have allowed tokens only, survive a round trip, and no banned word."""
        allowed = self.allowed[prefixes].all(dim=1)
        rows = allowed.nonzero().squeeze(1)
        rows = rows[[self._permits(self.text(row)) for row in prefixes[rows].tolist()]]
        rows = rows[self.round_trips(prefixes[rows])] if len(rows) else rows
        return torch.zeros_like(allowed).index_fill(0, rows, value=True)

    def penalty(self, prefixes: Int[Tensor, "prefixes length"]) -> Float[Tensor, " prefixes"]:
        """Nats added for closeness to disliked words; 0 if there are none."""
        return self.penalty_at(self.embeddings[prefixes])

    def penalty_at(
        self, embeddings: Float[Tensor, "*prefixes length hidden"]
    ) -> Float[Tensor, " *prefixes"]:
        """The same for any embeddings; differentiable."""
        if self.disliked is None or not embeddings.shape[-2]:
            return embeddings.new_zeros(embeddings.shape[:-2])
        return self.disliked.per_token(embeddings).mean(dim=-1)

    def _permits(self, text: str) -> bool:
        return not self.bans.occur_in(text) and (not self.printable or is_printable(text))

    def _with_allowed(self) -> "TokenSpace":
        permitted = torch.tensor([self._permits(text) for text in self.texts], dtype=torch.bool)
        allowed = self.allowed & permitted.to(self.allowed.device)
        if not allowed.any():
            what = "No token is left that a prefix may hold."
            raise NoPrefixError(what, hint="Ban fewer words, or shorter prefixes of them.")
        return replace(self, allowed=allowed)
