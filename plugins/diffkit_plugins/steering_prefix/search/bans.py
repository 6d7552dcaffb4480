"""Banned words, and a penalty on tokens that are close to them.

Takes words. Tells whether a text contains one of them, and how close embeddings are to their
tokens.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from diffkit import Model, UserError


def normalise_text(text: str) -> str:
    """Keeps letters, digits and symbols, without case, accents and compatibility forms (NFKC).

    A word with spaces, punctuation or invisible characters inside is normalised to the word.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", folded))
    return "".join(char for char in decomposed if unicodedata.category(char)[0] in "LNS")


def normalised_words(text: str) -> frozenset[str]:
    """The normalised words between spaces."""
    return frozenset(filter(None, map(normalise_text, text.split())))


MAX_WHOLE_WORD = 2
"""Length up to which words of cased letters and digits are banned as whole words only.

Within other words they are too frequent. One Chinese character, or a pictograph, is a whole word.
"""


@dataclass(frozen=True)
class BannedWords:
    """Banned words, normalised."""

    normalised: tuple[str, ...] = ()

    @classmethod
    def of(cls, banned: Sequence[str]) -> "BannedWords":
        """Bans words, or phrases, which count as one word.

        Raises:
            UserError: one of them has no letter, digit or symbol.
        """
        for word in banned:
            if not normalise_text(word):
                what = f"{word!r} cannot be banned: it has no letter, digit or symbol."
                raise UserError(
                    what, hint="Leave it out of ban: what is banned is words, not punctuation."
                )
        return cls(tuple(dict.fromkeys(map(normalise_text, banned))))

    def union(self, other: "BannedWords") -> "BannedWords":
        """Bans the words of both."""
        return BannedWords(tuple(dict.fromkeys([*self.normalised, *other.normalised])))

    def occur_in(self, text: str) -> bool:
        """Whether a text contains a banned word, whole, within another word, or in pieces."""
        if not self.normalised:
            return False
        joined, plain = normalise_text(text), _without_symbols(normalise_text(text))
        whole = normalised_words(text) | normalised_words(
            "".join(c if c.isalnum() else " " for c in text)
        )
        return any(
            word in whole if _is_short(word) else word in joined or word in plain
            for word in self.normalised
        )


def _is_short(word: str) -> bool:
    return len(word) <= MAX_WHOLE_WORD and any(char.islower() or char.isdigit() for char in word)


def _without_symbols(text: str) -> str:
    """Removes symbols, some of which (`~`, `|`, `^`) separate words as punctuation does."""
    return "".join(char for char in text if unicodedata.category(char)[0] != "S")


@dataclass(frozen=True)
class ClosenessPenalty:
    """Weight times the mean over a prefix of each token's cosine to the closest disliked token.

    A cosine below 0 counts as 0, so the penalty is between 0 and the weight for any length and
    width.
    """

    weight: float
    """Nats."""
    directions: Float[Tensor, "disliked hidden"]
    """Unit vectors: one for each disliked token, and the mean of the pieces of a word that no
    token contains."""

    @classmethod
    def of(
        cls,
        model: Model,
        embeddings: Float[Tensor, "vocabulary hidden"],
        texts: Sequence[str],
        words: Sequence[str],
        weight: float,
    ) -> "ClosenessPenalty":
        """Penalises the tokens that contain a word, or the pieces of a word that no token contains.

        Args:
            model: the model whose tokens they are.
            embeddings: of its tokens.
            texts: of its tokens.
            words: the disliked words.
            weight: nats.
        """
        rows = []
        for word in words:
            bans = BannedWords.of([word])
            own = [token for token, text in enumerate(texts) if bans.occur_in(text)]
            pieces = model.tokenizer(f" {word}", add_special_tokens=False, verbose=False).input_ids
            rows.append(embeddings[own] if own else embeddings[pieces].mean(dim=0, keepdim=True))
        return cls(weight, torch.nn.functional.normalize(torch.cat(rows), dim=1))

    def union(self, other: "ClosenessPenalty") -> "ClosenessPenalty":
        """Penalises both, with the same weight."""
        return ClosenessPenalty(self.weight, torch.cat([self.directions, other.directions]))

    def per_token(self, embeddings: Float[Tensor, "*shape hidden"]) -> Float[Tensor, "*shape"]:
        """The penalty of a prefix of each token alone; differentiable."""
        units = torch.nn.functional.normalize(embeddings, dim=-1)
        return self.weight * (units @ self.directions.T).amax(dim=-1).clamp(min=0)
