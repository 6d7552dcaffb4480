"""Rubrics, one for each kind of finetuning."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import Field

from diffkit import Record

FOLDER = Path(__file__).with_name("families")
GENERIC = "unknown"
"""The family whose rubric serves all that have none of their own."""


class Level(Record):
    """One step of the scale."""

    means: str
    """When it is given."""
    claim: str
    """A claim about the example that gets it."""


class Rubric(Record):
    """How claims about one kind of finetuning are marked."""

    families: tuple[str, ...] = Field(min_length=1)
    """Families that it is for."""
    kind: str
    """What such a finetuning does, in a sentence."""
    counts: str
    """What makes a claim match, and what does not."""
    example: str
    """A truth of this kind, made up, which the levels' claims are about."""
    levels: tuple[Level, Level, Level, Level, Level, Level]
    """Levels 0 to 5."""


@cache
def rubrics() -> dict[str, Rubric]:
    """Family → its rubric."""
    found = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        rubric = Rubric.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        found.update(dict.fromkeys(rubric.families, rubric))
    return found


def rubric_for(family: str) -> Rubric:
    """The rubric of ``family``; the generic one where it has none of its own."""
    return rubrics().get(family) or rubrics()[GENERIC]
