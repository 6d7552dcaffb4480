"""Options of the token-relevance grader."""

from pydantic import Field

from diffkit_evaluators.llm import ChatConfig


class TokenRelevanceConfig(ChatConfig):
    """Which tokens are read, and what decides on relevance: words, or a language model."""

    tables: int = Field(default=1, ge=1, le=1_000)
    """Number of token tables that are read, from the first one."""
    tokens: int = Field(default=20, ge=1, le=1_000)
    """Number of tokens that are read of each table, from the first one."""
    words: int = Field(default=50, ge=0, le=10_000)
    """Maximum number of words that distinguish an organism's training examples. They are relevant
    in addition to those of its statement, and a language model is shown them."""
    rotations: int = Field(default=3, ge=1, le=15)
    """Number of orders in which a language model sees the tokens; a token is relevant if it is
    judged so in all of them."""
    wrong: int = Field(default=2, ge=1, le=100)
    """Number of wrong truths that a language model judges for the chance; without a language model,
    all of them count."""
