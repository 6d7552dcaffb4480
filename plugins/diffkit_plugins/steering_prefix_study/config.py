"""Options of steering-prefix-study; nothing here imports torch."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from diffkit import InputFile
from diffkit_plugins.steering_prefix.config import CompletionOptions

Layer = Annotated[int, Field(ge=-10_000, le=10_000)] | Annotated[float, Field(ge=0, le=1)]


class SteeringPrefixStudyConfig(CompletionOptions):
    """What the prefix is to do, and how it is searched for."""

    objective: Literal["match", "state", "direction", "contrast"] = "match"
    """``match``: before any suffix it does what the reference prefix does. ``state``: it puts the
    residual stream at a layer where the reference prefix puts it (cosine). ``direction``: it
    raises the stream's dot product with a vector at a layer. ``contrast``: it raises the
    likelihood of positive texts over negative ones."""
    reference: str = "Talk about cats."
    """The reference prefix of ``match`` and ``state``, and the human one in the tables."""
    neutral: str = "Talk about anything."
    """The neutral prefix in the tables."""
    ban_reference: bool = True
    """Whether the reference's own words are banned from ``match`` and ``state``, in every form."""
    layers: tuple[Layer, ...] = (-1,)
    """Layers of ``state`` and ``direction``; each is a search of its own, several a sweep."""
    vector: InputFile | None = None
    """A safetensors file with one vector of the model's width (an SAE feature, an activation
    difference), for ``direction``."""
    positive: tuple[str, ...] = ()
    """Texts that ``contrast`` raises."""
    negative: tuple[str, ...] = ()
    """Texts that it lowers."""
    in_context: bool = True
    """Whether ``state`` and ``direction`` are read after prefix and suffix, or the prefix alone."""

    @field_validator("layers")
    @classmethod
    def _some(cls, layers: tuple[int | float, ...]) -> tuple[int | float, ...]:
        if not layers:
            msg = "it needs at least one layer, such as [-1] for the last or [0, 6, 12] for a sweep"
            raise ValueError(msg)
        return layers
