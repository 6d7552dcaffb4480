"""Options of activation-lens; nothing here imports torch."""

from pydantic import Field, field_validator

from diffkit import MethodConfig, execution_option


class ActivationLensConfig(MethodConfig):
    """What is read, how much of it is shown, and how it is executed."""

    layers: tuple[int | float, ...] = Field(default=(0.5,), min_length=1)
    """Blocks after which the residual stream is read: numbers from 0 (negative ones from the end),
    or fractions of depth from 0.0 to 1.0. One pass reads them all."""
    positions: int = Field(default=5, ge=0, le=4_096)
    """Positions that are looked at one by one, from a text's first token; the mean over all of a
    text's tokens comes besides."""
    texts: int | None = Field(default=None, ge=2)
    """How many of the suite's texts are read, from the first; none reads all."""
    max_tokens: int = Field(default=256, ge=1, le=131_072)
    """Tokens read of each text, from its beginning."""
    min_texts: int = Field(default=8, ge=2, le=1_000_000)
    """Positions that fewer texts reach are left out."""
    folds: int = Field(default=8, ge=2, le=64)
    """Groups of texts of which the jackknife leaves out one at a time, for the tokens' standard
    errors; memory is proportional to it."""
    tokens: int = Field(default=20, ge=1, le=1_000)
    """Rows of each table of tokens."""
    candidates: int = Field(default=4, ge=0, le=50)
    """Likeliest tokens shown of each side's own mean; 0 leaves these out."""
    batch_size: int = execution_option(16, ge=1, le=4_096)
    """Texts read at a time."""

    @field_validator("layers")
    @classmethod
    def _fractions(cls, layers: tuple[int | float, ...]) -> tuple[int | float, ...]:
        if any(isinstance(layer, float) and not 0 <= layer <= 1 for layer in layers):
            msg = "fractions of depth go from 0.0 to 1.0"
            raise ValueError(msg)
        return layers
