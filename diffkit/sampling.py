"""How completions are sampled, and what a completion is."""

from typing import TYPE_CHECKING

from pydantic import Field

from diffkit.organism import Record

if TYPE_CHECKING:
    pass


class Sampling(Record):
    """How completions are drawn. A model's own generation defaults play no part."""

    max_new_tokens: int = Field(default=32, ge=1)
    """Length of a completion at most, in tokens."""
    temperature: float = Field(default=0.0, ge=0)
    """Softmax temperature; 0 takes the likeliest token each time."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Least probability mass of the tokens drawn from, likeliest first; 1 keeps them all."""
    seed: int = Field(default=0, ge=0)
    """Seed of the draws; a prompt's draws depend on it and on the prompt's place in the list."""
    stop_at_eos: bool = True
    """Whether a completion ends at the model's end-of-sequence token."""


class Completion(Record):
    """How a model went on from a prompt."""

    prompt: str
    """The words of the prompt, without any template; empty where it was embeddings."""
    text: str
    """The completion, without special tokens."""
    tokens: int
    """Its length in tokens, the end-of-sequence token not counted."""
    finished: bool
    """Whether the model ended it; false where `Sampling.max_new_tokens` did."""
