"""A fence around text that is data, so that it cannot pass for instructions."""

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # Persian words and emoji families fall apart without them
_BREAKS = re.compile(r"\r\n|[\r\v\f\x85\u2028\u2029]")


def fence(text: str, nonce: str, limit: int) -> str:
    """``text`` between two lines that hold ``nonce``.

    Hidden characters are shown as �, copies of the nonce are taken out, and what is too long is
    cut off and said to be.

    Args:
        text: what a model, a method or another investigator said.
        nonce: drawn anew for each prompt, so that the text cannot know it.
        limit: characters of the text at most.

    Raises:
        ValueError: the nonce is empty.
    """
    if not nonce:
        msg = "a fence needs a nonce"
        raise ValueError(msg)
    shown = "".join(map(_visible, _BREAKS.sub("\n", text)))
    shown = re.sub(re.escape(nonce), "…", shown, flags=re.I)
    if hidden := len(shown[limit:]):
        shown = f"{shown[:limit]}… ({hidden:,} more characters)"
    return f"BEGIN {nonce}\n{shown}\nEND {nonce}"


def _visible(char: str) -> str:
    hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"}
    return "\N{REPLACEMENT CHARACTER}" if hidden and char not in f"\n\t{_JOINERS}" else char
