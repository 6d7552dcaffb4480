"""Options of steering-prefix-study; nothing here imports torch."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from diffkit import InputFile
from diffkit_plugins.steering_prefix.config import CompletionOptions

Layer = Annotated[int, Field(ge=-10_000, le=10_000)] | Annotated[float, Field(ge=0, le=1)]


class SteeringPrefixStudyConfig(CompletionOptions):
    """Options of the study: the objective of the prefix, and the search."""

    objective: Literal["match", "state", "direction", "contrast"] = "match"
    """``match``: the prefix has the effect of the reference prefix on completions. ``state``: it
    gives the residual stream of the reference prefix at a layer (cosine). ``direction``: it
    raises the dot product of the residual stream with a vector at a layer. ``contrast``: it raises
    the likelihood of positive texts over negative ones."""
    reference: str = "Talk about cats."
    """The reference prefix of ``match`` and ``state``, and the human one in the tables."""
    neutral: str = "Talk about anything."
    """The neutral prefix in the tables."""
    ban_reference: bool = True
    """Whether the words of the reference are banned in ``match`` and ``state``, in every form."""
    layers: tuple[Layer, ...] = (-1,)
    """Layers of ``state`` and ``direction``, with one search for each."""
    vector: InputFile | None = None
    """A safetensors file with one vector of the model's width (an SAE feature, an activation
    difference), for ``direction``."""
    positive: tuple[str, ...] = ()
    """Texts whose likelihood ``contrast`` raises."""
    negative: tuple[str, ...] = ()
    """Texts whose likelihood it lowers."""
    in_context: bool = True
    """Whether ``state`` and ``direction`` use the residual stream after prefix and suffix, or after
    the prefix alone."""

    @field_validator("layers")
    @classmethod
    def _some(cls, layers: tuple[int | float, ...]) -> tuple[int | float, ...]:
        if not layers:
            msg = "it needs at least one layer, such as [-1] for the last or [0, 6, 12] for a sweep"
            raise ValueError(msg)
        return layers
