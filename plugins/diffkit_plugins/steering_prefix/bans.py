"""Words that no prefix may say."""

from collections.abc import Sequence
from dataclasses import dataclass

from diffkit import UserError
from diffkit_plugins.steering_prefix.words import skeleton, words

SHORT = 2
"""Words up to this long are banned by themselves only: within others they are everywhere."""


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
                raise UserError(what, cure="Leave it out of ban, or set printable=true.")
        return cls(tuple(dict.fromkeys(map(skeleton, banned))))

    def and_also(self, other: "Bans") -> "Bans":
        """Both sets of words banned."""
        return Bans(tuple(dict.fromkeys([*self.skeletons, *other.skeletons])))

    def spoken(self, text: str) -> bool:
        """Whether a string says a banned word, whole or within another, or spells one in pieces."""
        if not self.skeletons:
            return False
        spelt, apart = skeleton(text), words(text)
        return any(
            word in apart if len(word) <= SHORT else word in spelt for word in self.skeletons
        )
