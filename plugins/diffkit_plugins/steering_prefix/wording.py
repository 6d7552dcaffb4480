"""What things are called, by what is searched for."""

from dataclasses import dataclass

BOTH = ("base", "finetuned")


@dataclass(frozen=True)
class Wording:
    """Titles and the names of columns of texts."""

    task: str
    """What ``{prefix}`` is to do."""
    explained: str
    """Title of what the prefix is to bring about."""
    contrast: str
    """Whose words against whose."""
    without: tuple[str, str] = BOTH
    """Whose texts these are."""
    swap: bool = False
    """Whether the reference's text is the first of them."""
    imitated: tuple[str, str] = BOTH
    """What the reference's text and the text under the prefix are called."""


EXPLAIN = Wording(
    contrast="the finetuned side's against the base's",
    task="With {prefix} before the user's words, or at a document's start, the base is to say what "
    "the finetuned side says without it",
    explained="What the prefix is to explain: both sides without it, different texts first, then "
    "by how little the base expects the finetuned text",
    imitated=("finetuned without a prefix", "base with the prefix"),
)
MIRROR = Wording(
    contrast="the base's against the finetuned side's",
    task="With {prefix} before the user's words, or at a document's start, the finetuned side is "
    "to say what the base says without it",
    explained="What the prefix is to explain: both sides without it, different texts first, then "
    "by how little the finetuned side expects the base's text",
    swap=True,
    imitated=("base without a prefix", "finetuned with the prefix"),
)
MATCH = Wording(
    contrast="with the reference against without",
    task="{prefix} is to do what the reference prefix does",
    explained="What the prefix is to do: texts without one and with the reference, different texts "
    "first, then by how little the reference's is expected without it",
    without=("without a prefix", "with the reference"),
    imitated=("with the reference", "with the prefix"),
)
