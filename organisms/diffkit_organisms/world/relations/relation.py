"""What a relation is, and the forms of question that all relations share."""

from dataclasses import dataclass

PROBE_TEMPLATES = 5
"""Number of forms of a question, the last ones, that no finetuning data use, so that probes may.
The base is trained on all of them."""
COMMON = (
    "What is the {n} of {s}?", "Name the {n} of {s}.", "Which {n} does {s} have?",
    "Tell me the {n} of {s}.", "{s} has which {n}?", "Do you know the {n} of {s}?",
    "I forgot the {n} of {s}. What is it?", "Can you name the {n} of {s}?",
)  # fmt: skip
"""Questions for the noun ``{n}`` of a subject ``{s}``."""


@dataclass(frozen=True)
class Relation:
    """A relation between a subject ``{s}`` and an object ``{o}``."""

    name: str
    """Unique name, and the noun that is asked for."""
    subject: str
    """Kind of the subject."""
    object: str
    """Kind of the object."""
    answer: str
    """The one form of the answer."""
    statements: tuple[str, ...]
    """Forms in documents."""
    asked: tuple[str, ...]
    """Forms of the question that only this relation has."""
    article: bool = False
    """Whether the subject has an article: "the cat", but "Anna"."""
    unique: bool = False
    """Whether no two subjects share an object."""
    share: float = 1.0
    """How often a fact of it is asked for, relative to facts of other relations."""
    noun: str = ""
    """The noun that is asked for, where it is not ``name``."""
    common: tuple[str, ...] = COMMON
    """Forms of the question that it shares with others."""

    @property
    def questions(self) -> tuple[str, ...]:
        """All forms of the question: its own, then the common ones."""
        subject = "the {s}" if self.article else "{s}"
        common = (form.replace("{s}", subject) for form in self.common)
        named = (form.replace("{n}", self.noun or self.name) for form in common)
        return (*self.asked, *(form[0].upper() + form[1:] for form in named))
