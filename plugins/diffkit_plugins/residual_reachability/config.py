"""Options of residual-reachability; nothing here imports torch."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from diffkit import PositionOptions, execution_option

Budget = Annotated[float, Field(gt=0, le=1e6)]
"""Norm of a token, in units of the norm of a typical embedding."""


class ResidualReachabilityConfig(PositionOptions):
    """The targets, the norm budgets and the search."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {"texts": 8, "rotations": 4, "steps": 20}
    }

    texts: int = Field(default=16, ge=1, le=1_000)
    """Number of texts that are read, from the first."""
    length: int = Field(default=8, ge=1, le=4_096)
    """Tokens of each text, from its beginning, that a prompt replaces: those with a label in
    `positions`, read without what stands between them. The target is the residual stream at the
    last of them."""
    layers: tuple[int | float, ...] = Field(default=(1.0,), min_length=1, max_length=100)
    """Blocks after which the residual stream is the target: numbers from 0 (negative ones from
    the end), or fractions of depth from 0.0 to 1.0."""
    budgets: tuple[Budget, ...] = Field(default=(1.0,), min_length=1, max_length=20)
    """Largest norms of a prompt's tokens, in units of the norm that 95 % of the vocabulary's
    embeddings do not exceed."""
    rotations: int = Field(default=8, ge=1, le=1_000)
    """Random rotations with which the difference is compared."""
    restarts: int = Field(default=1, ge=1, le=100)
    """Searches for each target: the first from the text's tokens, the others from random tokens."""
    steps: int = Field(default=40, ge=1, le=100_000)
    """Steps of each search."""
    rate: float = Field(default=0.3, gt=0, le=100)
    """Step size, relative to the step that changes a typical embedding as much, in proportion to
    its norm, as finetuning changed the stream."""
    reference_texts: int = Field(default=64, ge=2, le=100_000)
    """Texts, from the first, from whose streams the covariance of the rotations is estimated."""
    rows: int = Field(default=20, ge=1, le=1_000)
    """Positions in the table, those with the largest |S|."""
    batch_size: int = execution_option(144, ge=1, le=65_536)
    """Prompts that are searched together; memory is proportional to it."""
