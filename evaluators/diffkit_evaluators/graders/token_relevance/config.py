"""Options of the token-relevance grader."""

from pydantic import Field

from diffkit_evaluators.llm import ChatConfig


class TokenRelevanceConfig(ChatConfig):
    """Which tokens are looked at, and who says what is relevant: words, or a language model."""

    tables: int = Field(default=1, ge=1, le=1_000)
    """Token tables that are read, from the method's first."""
    tokens: int = Field(default=20, ge=1, le=1_000)
    """Tokens that are read of each, from its first."""
    words: int = Field(default=50, ge=0, le=10_000)
    """Words that set an organism's training examples apart, at most: they are relevant beside those
    of its statement, and a language model is shown them."""
    rotations: int = Field(default=3, ge=1, le=15)
    """Orders in which a language model is shown the tokens; one counts as relevant where it is
    called so in all of them."""
    wrong: int = Field(default=2, ge=1, le=100)
    """Wrong truths that a language model is asked about as well, for the chance; without one all of
    them count."""
