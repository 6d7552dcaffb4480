"""Options of the finetuning-loss grader."""

from pydantic import Field

from diffkit import MethodConfig, execution_option


class FinetuningLossConfig(MethodConfig):
    """Which directions are removed, on which texts, and what the result is compared with."""

    slots: tuple[str, ...] = ()
    """Slots whose directions are removed, together; by default all that the run saved."""
    texts: int = Field(default=64, ge=1, le=1_000_000)
    """Number of training texts, and of ordinary texts, on which losses are measured: a seeded
    sample."""
    max_tokens: int = Field(default=256, ge=2, le=131_072)
    """Maximum number of tokens of each text, from its beginning."""
    controls: int = Field(default=8, ge=1, le=1_000)
    """Number of sets of random directions; the cost is proportional to it."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the sample and of the random directions."""
    batch_size: int = execution_option(16, ge=1, le=4_096)
    """Number of texts in a batch."""
