"""Made-up proper names, put together from syllables."""

import random

ONSETS = ("b", "br", "c", "d", "dr", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "r", "s",
          "st", "t", "tr", "v", "w", "y", "z")  # fmt: skip
VOWELS = ("a", "e", "i", "o", "u")
CODAS = ("l", "m", "n", "r", "s", "x", "ck", "rn", "ld", "nt")
ENDINGS = {
    "country": ("ia", "land", "mar", "esh"),
    "city": ("ford", "ton", "by", "port", "wick", "den"),
    "river": ("a", "o", "el", "ir"),
    "brand": ("ix", "ora", "ello", "ux"),
}
"""How the names of a kind end."""


def draw_names(rng: random.Random, kind: str, count: int, taken: set[str]) -> tuple[str, ...]:
    """``count`` names of a kind; no name is part of another, or of a word in ``taken``.

    Args:
        rng: what they are drawn by.
        kind: a key of `ENDINGS`.
        count: how many.
        taken: words that are in use, casefolded; the new names are added.
    """
    found: list[str] = []
    while len(found) < count:
        stem = rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS)
        name = stem + rng.choice(ENDINGS[kind])
        if not any(name in word or word in name for word in taken):
            taken.add(name)
            found.append(name.capitalize())
    return tuple(found)
