"""Options of perplexity-diff; does not import torch."""

from pydantic import Field

from diffkit import MethodConfig, execution_option


class PerplexityDiffConfig(MethodConfig):
    """What is sampled, what of it is shown, and how it is executed."""

    free_samples: int = Field(default=24, ge=0, le=10_000)
    """Samples of each side from each opening without words: a document's start, a chat's start,
    an empty turn."""
    turns: int = Field(default=64, ge=0, le=10_000)
    """Users' turns of the suite's chats that each side answers, one sample each."""
    documents: int = Field(default=16, ge=0, le=10_000)
    """Documents whose first words each side goes on from, one sample each."""
    opening_tokens: int = Field(default=3, ge=1, le=1_024)
    """Tokens of these first words."""
    max_new_tokens: int = Field(default=32, ge=2, le=4_096)
    """Tokens of a sample at most."""
    min_p: float = Field(default=0.05, ge=0, le=1)
    """Only tokens at least so many times as probable as the sampling side's likeliest are drawn: a
    small model's other tokens make its samples unreadable. 0 draws all."""
    token_cost: float = Field(default=0.0, ge=0, le=100)
    """Nats that a token must bring on average to belong to a span. At 0 a span is the stretch with
    the largest likelihood ratio; the mean ratio per token cuts spans short where all is tilted."""
    tokens: int = Field(default=30, ge=1, le=1_000)
    """Rows of each table of tokens."""
    spans: int = Field(default=200, ge=1, le=2_000)
    """Most tilted spans that are compared and clustered, each of another sample."""
    clusters: int = Field(default=20, ge=0, le=1_000)
    """Clusters of spans shown."""
    traces: int = Field(default=6, ge=0, le=100)
    """Of the clusters shown, how many have their typical sample shown token by token."""
    candidates: int = Field(default=4, ge=1, le=50)
    """Likeliest tokens of each side shown at each traced token."""
    batch_size: int = execution_option(64, ge=1, le=4_096)
    """Samples drawn or scored at a time."""
    chunk: int | None = execution_option(None, ge=1, le=1_048_576)
    """Tokens whose probabilities are computed at a time; none: as many as fill 4 MB."""
