"""How completions are sampled, and what a completion is."""

from pydantic import Field

from diffkit.organism import Record


class Sampling(Record):
    """How completions are sampled. A model's own generation defaults are not used."""

    max_new_tokens: int = Field(default=32, ge=1)
    """Maximal length of a completion, in tokens."""
    temperature: float = Field(default=0.0, ge=0)
    """Softmax temperature; 0 takes the most probable token each time."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus sampling: probability mass of the most probable tokens that are kept; 1 keeps all."""
    min_p: float = Field(default=0.0, ge=0, le=1)
    """Least probability of a token that is drawn, in multiples of the likeliest one's (Nguyen and
    others, *Min-p Sampling*, arXiv 2407.01082); 0 keeps all. With `top_p`, both limits hold."""
    seed: int = Field(default=0, ge=0)
    """Seed of the draws; a prompt's draws depend on it and on the prompt's index in the list."""
    stop_at_eos: bool = True
    """Whether a completion ends at the model's end-of-sequence token."""


class Completion(Record):
    """A model's completion of a prompt."""

    prompt: str
    """The text of the prompt, without any template; empty if it was embeddings."""
    text: str
    """The completion, without special tokens."""
    tokens: int
    """Its length in tokens, the end-of-sequence token not counted."""
    finished: bool
    """Whether the model ended it; false if `Sampling.max_new_tokens` did."""
