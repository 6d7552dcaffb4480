"""Words that no prefix may say."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from diffkit import UserError
from diffkit_plugins.steering_prefix.words import skeleton, words

SHORT = 2
"""Words of cased letters and digits up to this long are banned by themselves only: within others
they are everywhere. A word of one Chinese letter, or a picture, is a whole word."""


@dataclass(frozen=True)
class Bans:
    """Banned words, by what remains of them once case, space and punctuation are set aside."""

    skeletons: tuple[str, ...] = ()

    @classmethod
    def of(cls, banned: Sequence[str]) -> "Bans":
        """Bans words, or phrases, which count as spelt in one word.

        Raises:
            UserError: one of them has no letter, digit or symbol.
        """
        for word in banned:
            if not skeleton(word):
                what = f"{word!r} cannot be banned: it has no letter, digit or symbol."
                raise UserError(
                    what, cure="Leave it out of ban: what is banned is words, not punctuation."
                )
        return cls(tuple(dict.fromkeys(map(skeleton, banned))))

    def and_also(self, other: "Bans") -> "Bans":
        """Both sets of words banned."""
        return Bans(tuple(dict.fromkeys([*self.skeletons, *other.skeletons])))

    def spoken(self, text: str) -> bool:
        """Whether a string says a banned word, whole or within another, or spells one in pieces."""
        if not self.skeletons:
            return False
        spelt, plain = skeleton(text), _plain(skeleton(text))
        apart = words(text) | words("".join(c if c.isalnum() else " " for c in text))
        return any(
            word in apart if _short(word) else word in spelt or word in plain
            for word in self.skeletons
        )


def _short(word: str) -> bool:
    return len(word) <= SHORT and any(char.islower() or char.isdigit() for char in word)


def _plain(spelt: str) -> str:
    """Without symbols: of these, some (`~`, `|`, `^`) part words as punctuation does."""
    return "".join(char for char in spelt if unicodedata.category(char)[0] != "S")
