"""Whether a text holds a phrase."""

import re
from collections.abc import Callable

Holds = Callable[[str], bool]
"""Whether a text holds the phrase."""


def holder(phrase: str) -> Holds:
    """Looks for ``phrase`` in texts: casefolded, as whole words, any white space for any other.

    A word is whole where no letter, digit or underscore stands beside it. A phrase of nothing but
    white space is held by no text.
    """
    words = phrase.casefold().split()
    if not words:
        return lambda _: False
    pattern = r"\s+".join(map(re.escape, words))
    before = r"(?<!\w)" if re.match(r"\w", words[0]) else ""
    after = r"(?!\w)" if re.search(r"\w$", words[-1]) else ""
    search = re.compile(before + pattern + after).search
    return lambda text: search(text.casefold()) is not None
