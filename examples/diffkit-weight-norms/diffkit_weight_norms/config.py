"""Options of weight-norms; nothing here imports torch."""

from pydantic import Field

from diffkit import MethodConfig


class WeightNormsConfig(MethodConfig):
    """How much of each change is computed and shown."""

    values: int = Field(default=16, ge=1, le=512)
    """Largest singular values computed of each change; the first gives the spectral norm."""
    spectra: int = Field(default=6, ge=0, le=100)
    """Changes whose spectra are drawn, largest relative norm first."""
    directions: int = Field(default=4, ge=0, le=100)
    """Changes whose top output direction is read as tokens, strongest first."""
    tokens: int = Field(default=15, ge=1, le=1_000)
    """Tokens shown of each direction."""
    writers: tuple[str, ...] = Field(
        default=("o_proj", "down_proj", "dense", "dense_4h_to_h", "out_proj", "c_proj"),
        min_length=1,
    )
    """Last names of the modules that write into the residual stream, whose output directions the
    unembedding can read."""
