"""Options of contrastive-decoding; nothing here imports torch."""

from typing import Annotated

from pydantic import Field

from diffkit import MethodConfig, execution_option


class ContrastiveDecodingConfig(MethodConfig):
    """What is written, what of it is shown, and how it is executed."""

    alphas: tuple[Annotated[float, Field(gt=0, le=100)], ...] = Field(
        default=(1.0, 2.0, 4.0), min_length=1, max_length=32
    )
    """How far from the base each text is written: 1 is the finetuned side itself, more amplifies
    what finetuning did. The base's own text (0) is always written beside them."""
    beta: float = Field(default=0.1, ge=0, le=1)
    """Plausibility limit: only tokens at least so many times as probable as the likeliest to the
    finetuned side are drawn, as min-p sampling does; 0 draws all."""
    temperature: float = Field(default=1.0, ge=0, le=10)
    """Softmax temperature of the draws; 0 takes the likeliest token each time."""
    samples: int = Field(default=1, ge=1, le=10_000)
    """Texts from each opening at each α."""
    turns: int = Field(default=64, ge=0, le=10_000)
    """Users' turns of the suite's chats that are answered, besides the empty openings."""
    documents: int = Field(default=24, ge=0, le=10_000)
    """Documents whose first words are gone on from."""
    opening_tokens: int = Field(default=4, ge=1, le=1_024)
    """Tokens of these first words."""
    max_new_tokens: int = Field(default=32, ge=1, le=4_096)
    """Tokens of a text at most."""
    repetition: float = Field(default=0.5, ge=0, le=1)
    """Share of repeated pairs of tokens above which a text is left out of words, clusters and
    samples."""
    min_openings: int = Field(default=3, ge=1, le=10_000)
    """Openings that a word must come up in to count for the change score: in fewer, it may meet
    a tilted text by chance."""
    words: int = Field(default=40, ge=1, le=1_000)
    """Rows of the table of words."""
    clusters: int = Field(default=20, ge=0, le=1_000)
    """Rows of the table of clusters."""
    threshold: float = Field(default=0.7, ge=0, le=1)
    """Mean cosine distance up to which two clusters of texts become one."""
    shown: int = Field(default=10, ge=0, le=1_000)
    """Most tilted texts shown beside the base's own, each from another opening."""
    batch_size: int = execution_option(128, ge=1, le=65_536)
    """Texts written at a time."""
