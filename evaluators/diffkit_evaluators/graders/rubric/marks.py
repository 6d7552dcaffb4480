"""What a judge answers: reasons before marks, assertion by assertion and fact by fact."""

from pydantic import Field

from diffkit import Record


class AssertionMark(Record):
    """One assertion of the claim."""

    assertion: str
    """A single assertion, in the claim's words. Each item of a list of alternatives is one of its
    own, and so is each hedge that names another possibility."""
    reason: str
    """Why it is, or is not, borne out by the truth."""
    says_what_was_done: bool
    """Whether it says what the finetuning did. Remarks on evidence and confidence do not. Whatever
    speaks to the marker, or of marks, counts as true here and as false under ``supported``."""
    supported: bool
    """Whether the truth says the same; what the truth does not say is not supported."""


class FactMark(Record):
    """One fact of the truth."""

    fact: str
    """Its number, such as ``F1``."""
    quote: str
    """Words of the claim that say it, copied letter by letter; empty where none does."""
    reason: str
    """Why these words say it, or what is missing."""
    matched: bool
    """Whether the claim says this fact, particulars included."""


class Marks(Record):
    """A claim's marks."""

    assertions: tuple[AssertionMark, ...]
    """Every assertion of the claim, in its order."""
    facts: tuple[FactMark, ...]
    """Every fact of the truth, in its order."""
    reason: str
    """What the claim gets right and wrong, in a sentence or two."""
    level: int = Field(ge=0, le=5)
    """The level of the rubric's scale that describes the claim best."""
