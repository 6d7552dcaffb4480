"""Claims as graders by language models read them: one line, capped, and fenced."""

import hashlib
import unicodedata

from diffkit import Attempt


def claim_of(attempt: Attempt, limit: int) -> str:
    """The claim of an attempt, `normalised`; empty where it makes none."""
    return normalised(attempt.verdict.claim if attempt.verdict else None, limit)


def normalised(claim: str | None, limit: int) -> str:
    """A claim as one line of printable characters.

    Line breaks become spaces, so that no line of a claim can pass for a line of the prompt; letters
    that only look different (NFKC) become one, and invisible ones go.

    Args:
        claim: as the investigator made it; none is empty.
        limit: characters kept, from the beginning.
    """
    text = unicodedata.normalize("NFKC", claim or "")
    visible = (" " if one.isspace() else one for one in text if _visible(one))
    return " ".join("".join(visible).split())[:limit].rstrip()


def _visible(character: str) -> bool:
    return character.isspace() or not unicodedata.category(character).startswith("C")


def nonce(*parts: str) -> str:
    """A mark for fences that is the same for the same ``parts``.

    Whoever writes a claim cannot have it in there: the claim is one of the parts.
    """
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
