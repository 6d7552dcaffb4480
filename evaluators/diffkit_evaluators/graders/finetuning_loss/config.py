"""Options of the finetuning-loss grader."""

from pydantic import Field

from diffkit import MethodConfig, execution_option


class FinetuningLossConfig(MethodConfig):
    """Which directions are removed, on which texts, and what the result is compared with."""

    slots: tuple[str, ...] = ()
    """Slots whose directions are taken out, together; none are all that the method left."""
    texts: int = Field(default=64, ge=1, le=1_000_000)
    """Texts of the training data, and as many ordinary ones, on which losses are measured: a seeded
    sample."""
    max_tokens: int = Field(default=256, ge=2, le=131_072)
    """Tokens read of each text, from its beginning."""
    controls: int = Field(default=8, ge=1, le=1_000)
    """Sets of random directions; the cost is proportional to their number."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the sample and of the random directions."""
    batch_size: int = execution_option(16, ge=1, le=4_096)
    """Texts read at a time."""
