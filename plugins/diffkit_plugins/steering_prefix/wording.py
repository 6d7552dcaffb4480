"""What things are called, by what is searched for."""

from dataclasses import dataclass

BOTH = ("base", "finetuned")


@dataclass(frozen=True)
class Wording:
    """Titles and the names of columns of texts."""

    explained: str
    """Title of what the prefix is to bring about."""
    without: tuple[str, str] = BOTH
    """Whose texts these are."""
    swap: bool = False
    """Whether the reference's text is the first of them."""
    imitated: tuple[str, str] = BOTH
    """What the reference's text and the text under the prefix are called."""


EXPLAIN = Wording(
    "What the prefix is to explain: both sides without it, the finetuned text that the base "
    "expects least first",
    imitated=("finetuned without a prefix", "base with the prefix"),
)
MIRROR = Wording(
    "What the prefix is to explain: both sides without it, the base's text that the finetuned "
    "side expects least first",
    swap=True,
    imitated=("base without a prefix", "finetuned with the prefix"),
)
MATCH = Wording(
    "What the prefix is to do: texts without one and with the reference, the reference's text "
    "that is expected least first",
    without=("without a prefix", "with the reference"),
    imitated=("with the reference", "with the prefix"),
)
