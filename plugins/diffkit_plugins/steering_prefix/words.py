"""What remains of a string once case, accents, space and punctuation are set aside."""

import unicodedata


def skeleton(text: str) -> str:
    """Letters, digits and symbols alone, in one case and compatibility form (NFKC), unaccented.

    What spells a word with space, punctuation or invisible characters within it has the word's
    skeleton.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", folded))
    return "".join(char for char in apart if unicodedata.category(char)[0] in "LNS")


def words(text: str) -> frozenset[str]:
    """Skeletons of what stands between spaces."""
    return frozenset(filter(None, map(skeleton, text.split())))
