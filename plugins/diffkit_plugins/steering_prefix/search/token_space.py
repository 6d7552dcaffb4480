"""The tokens that a prefix may be made of.

Takes an objective and options. Gives which tokens and which whole prefixes are allowed, and the
penalty on those that are close to disliked words.
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
    normalize_text,
    normalized_words,
)

_UNUSED = re.compile(r"[\[<(|]+(unused|reserved|extra|dummy|pad)[\w ]*\d*[\])>|]*", re.IGNORECASE)

_CHUNK = 4_096


def token_texts(model: Model) -> list[str]:
    """What each token of the vocabulary says by itself."""
    texts: list[str] = []
    for start in range(0, model.vocabulary, _CHUNK):
        ids = range(start, min(start + _CHUNK, model.vocabulary))
        texts += model.tokenizer.batch_decode(
            [[token] for token in ids], clean_up_tokenization_spaces=False
        )
    return texts


def usable_tokens(model: Model, texts: list[str]) -> Bool[Tensor, " vocabulary"]:
    """Tokens that a user can type: none special, added, unused, invisible or half a character.

    Args:
        model: the model that reads them.
        texts: what `token_texts` gives.
    """
    tokenizer = model.tokenizer
    apart = {*tokenizer.all_special_ids, *tokenizer.get_added_vocab().values(), *model.ends}
    names = tokenizer.convert_ids_to_tokens(list(range(model.vocabulary)))
    return torch.tensor(
        [
            token not in apart
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
    """Whether a string is letters, digits, punctuation and single spaces, and no more.

    Letters are those of any script, in the composed form that programs turn text into (NFC).
    """
    if "  " in text or unicodedata.normalize("NFC", text) != text:
        return False
    return all(
        char == " " or char in string.punctuation or unicodedata.category(char)[0] in "LMNP"
        for char in text
    )


class NoPrefixError(UserError):
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
    bans: BannedWords = field(default_factory=BannedWords)
    """Words that no prefix may say."""
    printable: bool = False
    """Whether a prefix may hold letters, digits, punctuation and single spaces only."""
    disliked: ClosenessPenalty | None = None
    """What is penalised instead of banned, if anything."""

    @classmethod
    def of(
        cls, objective: PrefixObjective, options: SearchOptions, ban: Sequence[str] = ()
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
        bans, disliked = BannedWords.of(banned), None
        if options.ban_weight is not None and banned:
            disliked = ClosenessPenalty.of(model, embeddings, texts, banned, options.ban_weight)
            bans = BannedWords()
        return cls(
            model,
            embeddings,
            tuple(texts),
            usable_tokens(model, texts).to(model.device),
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
        more = ClosenessPenalty.of(self.model, self.embeddings, self.texts, words, weight)
        return replace(self, disliked=self.disliked.and_also(more) if self.disliked else more)

    def without(self, banned: Sequence[str]) -> "TokenSpace":
        """The same space with more words banned.

        Raises:
            NoPrefix: no token is left.
            UserError: a word cannot be banned.
        """
        return replace(self, bans=self.bans.and_also(BannedWords.of(banned)))._narrowed()

    def text(self, ids: Sequence[int]) -> str:
        """A prefix as it reads."""
        text: str = self.model.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)
        return text

    def said(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The words of a prefix and those of its single tokens, as they can be banned."""
        tokens = [self.texts[token] for token in ids]
        return tuple(
            sorted({*normalized_words(self.text(ids)), *map(normalize_text, tokens)} - {""})
        )

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
        return not self.bans.spoken(text) and (not self.printable or is_printable(text))

    def _narrowed(self) -> "TokenSpace":
        may = torch.tensor([self._may_say(text) for text in self.texts], dtype=torch.bool)
        allowed = self.allowed & may.to(self.allowed.device)
        if not allowed.any():
            what = "No token is left that a prefix may hold."
            raise NoPrefixError(what, hint="Ban fewer words, or shorter prefixes of them.")
        return replace(self, allowed=allowed)
