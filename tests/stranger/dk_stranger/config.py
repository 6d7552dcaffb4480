"""Options; nothing here imports torch."""

from typing import Literal

from pydantic import Field

from diffkit import InputFile, MethodConfig, execution_option


class EchoConfig(MethodConfig):
    """Options of echo."""

    steps: int = Field(default=1, ge=1, le=1000)
    """Draws to sum, each a step."""
    every: int | None = Field(default=None, ge=1)
    """Steps between two checkpoints; none makes none."""
    word: str = "echo"
    """What the note says."""
    more: InputFile | None = None
    """A file of what it says besides."""
    batch_size: int = execution_option(1, ge=1)
    """Plays no part."""
    pause: float = execution_option(0.0, ge=0)
    """Seconds that a step takes."""


class SurveyConfig(MethodConfig):
    """Options of survey."""

    steps: int = Field(default=2, ge=1, le=1000)
    """Draws to sum, each a step."""
    score: float | None = Field(default=None, ge=0)
    """The change score, which a study may not have."""
    fail_at: int | None = Field(default=None, ge=0, json_schema_extra={"execution": True})
    """The step that fails; none does."""


class BluntConfig(MethodConfig):
    """Options of blunt."""

    change: Literal["none", "unspecific", "targeted", "unsure"] = "targeted"
    """What it always says."""


class Nothing(MethodConfig):
    """No options."""
