"""What any keyboard and chat window passes on as it is."""

import string
import unicodedata


def printable(text: str) -> bool:
    """Whether a string is letters, digits, punctuation and single spaces, and no more.

    Letters are those of any script, in the composed form that programs turn text into (NFC).
    """
    if "  " in text or unicodedata.normalize("NFC", text) != text:
        return False
    return all(
        char == " " or char in string.punctuation or unicodedata.category(char)[0] in "LMNP"
        for char in text
    )
