"""Words that no prefix may say, and a penalty on tokens that are close to them.

Takes words. Gives whether a text says one of them, and how close embeddings are to their tokens.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model, UserError


def normalize_text(text: str) -> str:
    """Letters, digits and symbols alone, in one case and compatibility form (NFKC), unaccented.

    What spells a word with space, punctuation or invisible characters within it has the word's
    skeleton.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", folded))
    return "".join(char for char in apart if unicodedata.category(char)[0] in "LNS")


def normalized_words(text: str) -> frozenset[str]:
    """Skeletons of what stands between spaces."""
    return frozenset(filter(None, map(normalize_text, text.split())))


MAX_WHOLE_WORD = 2
"""Words of cased letters and digits up to this long are banned by themselves only: within others
they are everywhere. A word of one Chinese letter, or a picture, is a whole word."""


@dataclass(frozen=True)
class BannedWords:
    """Banned words, by what remains of them once case, space and punctuation are set aside."""

    skeletons: tuple[str, ...] = ()

    @classmethod
    def of(cls, banned: Sequence[str]) -> "BannedWords":
        """Bans words, or phrases, which count as spelt in one word.

        Raises:
            UserError: one of them has no letter, digit or symbol.
        """
        for word in banned:
            if not normalize_text(word):
                what = f"{word!r} cannot be banned: it has no letter, digit or symbol."
                raise UserError(
                    what, hint="Leave it out of ban: what is banned is words, not punctuation."
                )
        return cls(tuple(dict.fromkeys(map(normalize_text, banned))))

    def and_also(self, other: "BannedWords") -> "BannedWords":
        """Both sets of words banned."""
        return BannedWords(tuple(dict.fromkeys([*self.skeletons, *other.skeletons])))

    def spoken(self, text: str) -> bool:
        """Whether a string says a banned word, whole or within another, or spells one in pieces."""
        if not self.skeletons:
            return False
        spelt, plain = normalize_text(text), _without_symbols(normalize_text(text))
        apart = normalized_words(text) | normalized_words(
            "".join(c if c.isalnum() else " " for c in text)
        )
        return any(
            word in apart if _is_short(word) else word in spelt or word in plain
            for word in self.skeletons
        )


def _is_short(word: str) -> bool:
    return len(word) <= MAX_WHOLE_WORD and any(char.islower() or char.isdigit() for char in word)


def _without_symbols(spelt: str) -> str:
    """Without symbols: of these, some (`~`, `|`, `^`) part words as punctuation does."""
    return "".join(char for char in spelt if unicodedata.category(char)[0] != "S")


@dataclass(frozen=True)
class ClosenessPenalty:
    """Weight times the mean over a prefix of each token's cosine to the closest disliked token.

    A cosine below 0 counts as 0, so the penalty lies between 0 and the weight whatever the length
    and the width.
    """

    weight: float
    """Nats."""
    directions: Float[Tensor, "disliked hidden"]
    """Unit vectors: one for each disliked token, and for a word without a token the mean of its
    pieces."""

    @classmethod
    def of(
        cls,
        model: Model,
        embeddings: Float[Tensor, "vocabulary hidden"],
        texts: Sequence[str],
        words: Sequence[str],
        weight: float,
    ) -> "ClosenessPenalty":
        """Dislikes the tokens that say a word, or the pieces of one that no token says.

        Args:
            model: whose tokens they are.
            embeddings: what it reads at each.
            texts: what each token says.
            words: the disliked words.
            weight: nats.
        """
        rows = []
        for word in words:
            bans = BannedWords.of([word])
            own = [token for token, text in enumerate(texts) if bans.spoken(text)]
            pieces = model.tokenizer(f" {word}", add_special_tokens=False, verbose=False).input_ids
            rows.append(embeddings[own] if own else embeddings[pieces].mean(dim=0, keepdim=True))
        return cls(weight, torch.nn.functional.normalize(torch.cat(rows), dim=1))

    def and_also(self, other: "ClosenessPenalty") -> "ClosenessPenalty":
        """Both disliked, at the same weight."""
        return ClosenessPenalty(self.weight, torch.cat([self.directions, other.directions]))

    def of_tokens(self, embeddings: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape"]:
        """The penalty that each token would bring to a prefix of its own; differentiable."""
        units = torch.nn.functional.normalize(embeddings, dim=-1)
        return self.weight * (units @ self.directions.T).amax(dim=-1).clamp(min=0)
