"""Options of activation-lens; nothing here imports torch."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from diffkit import PositionOptions, execution_option

Strength = Annotated[float, Field(gt=0, le=1_000)]
"""In multiples of the residual stream's typical norm."""


class ActivationLensConfig(PositionOptions):
    """What is read, how much of it is shown, and how it is executed."""

    layers: tuple[int | float, ...] = Field(default=(0.5, 1.0), min_length=1)
    """Blocks after which the residual stream is read: numbers from 0 (negative ones from the end),
    or fractions of depth from 0.0 to 1.0. One pass reads them all."""
    scored: tuple[int | float, ...] = Field(default=(0.25, 0.5, 0.75), min_length=1)
    """Blocks whose concentration, averaged, is the change score; as in `layers`."""
    first: int = Field(default=5, ge=0, le=4_096)
    """Tokens that are looked at one by one, from a text's first one with a label in `positions`;
    the mean over all such tokens of a text comes besides."""
    last: int = Field(default=2, ge=0, le=4_096)
    """Tokens that are looked at one by one, from the last one read with such a label back."""
    answer: int | None = Field(default=3, ge=0, le=4_096)
    """In chats, tokens looked at on either side of the first token of the first answer, and that
    token itself, with any label: a model chooses its answer at the template's last tokens before
    it. None leaves all of these out."""
    texts: int | None = Field(default=None, ge=2)
    """How many of the suite's texts are read, from the first; none reads all."""
    max_tokens: int = Field(default=256, ge=1, le=131_072)
    """Tokens read of each text, from its beginning."""
    min_texts: int = Field(default=8, ge=2, le=1_000_000)
    """Positions that fewer texts reach are left out."""
    folds: int = Field(default=16, ge=2, le=64)
    """Groups of texts of which the jackknife leaves out one at a time, for the tokens' standard
    errors; memory is proportional to it."""
    tokens: int = Field(default=20, ge=1, le=1_000)
    """Rows of each table of tokens."""
    candidates: int = Field(default=4, ge=0, le=50)
    """Likeliest tokens shown of each side's own mean; 0 leaves these out."""
    batch_size: int = execution_option(16, ge=1, le=4_096)
    """Texts read at a time."""

    tested: tuple[str, ...] = Field(default=("all", "answer+0"), min_length=1)
    """Slots whose mean difference is tested causally in each layer but the last, by ablation,
    steering, Jacobian lens and patchscope; the cost is proportional to their number. Slots that
    no text has are left out."""
    controls: int = Field(default=8, ge=2, le=1_000)
    """Random vectors with which ablation and patchscope are compared."""
    ablation: bool = True
    """Whether these differences are taken out of the finetuned side's residual stream."""
    ablation_texts: int = Field(default=32, ge=2, le=1_000_000)
    """Texts on which the effect of that is measured."""
    steering: bool = True
    """Whether a side is steered along these differences."""
    steered: Literal["finetuned", "base"] = "finetuned"
    """The side that is steered: the finetuned one says more of what it learnt, if it does; the
    base says what the difference alone makes it say."""
    steering_prompts: int = Field(default=4, ge=1, le=1_000)
    """Users' turns, and beginnings of as many documents, that steered text goes on from."""
    steering_tokens: int = Field(default=24, ge=2, le=4_096)
    """Tokens of each continuation."""
    steering_strengths: tuple[Strength, ...] = Field(
        default=(0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0), min_length=1
    )
    """Lengths of the added vector, in multiples of the residual stream's norm; the largest that
    leaves text coherent is shown."""
    steering_coherent: float = Field(default=0.75, ge=0, le=1)
    """Share of the continuations that must be coherent: about as distinct as the unsteered one
    and as likely to the base."""
    steering_distinct: float = Field(default=0.75, ge=0, le=1)
    """Share of the unsteered text's distinct pairs of words, and of tokens, that coherent text
    keeps."""
    steering_repetition: float = Field(default=0.5, ge=0, le=1)
    """Share of repeated pairs above which no text is coherent; where the unsteered text is above
    it, the prompt does not count."""
    steering_nats: float = Field(default=2.0, ge=0, le=100)
    """How much less likely to the base, in nats per token, coherent text may be than unsteered."""
    jacobian: bool = True
    """Whether these differences are read through the Jacobian lens too."""
    jacobian_texts: int = Field(default=32, ge=1, le=1_000_000)
    """Texts over which the Jacobian is averaged."""
    patchscope: bool = True
    """Whether these differences are written into identity prompts."""
    patchscope_prompts: int = Field(default=4, ge=2, le=1_000)
    """Identity prompts, each of other words."""
    patchscope_scales: tuple[Strength, ...] = Field(
        default=(0.25, 0.5, 1.0, 2.0, 4.0), min_length=1
    )
    """Lengths of the vector that is written, in multiples of the residual stream's norm; the one
    on which the prompts agree most is shown."""
    patchscope_accuracy: float = Field(default=0.5, ge=0, le=1)
    """Share of other words that the prompts must make the finetuned side repeat, lest what they
    make of a vector mean nothing; below it none is written."""

    @field_validator("layers", "scored")
    @classmethod
    def _fractions(cls, layers: tuple[int | float, ...]) -> tuple[int | float, ...]:
        if any(isinstance(layer, float) and not 0 <= layer <= 1 for layer in layers):
            msg = "fractions of depth go from 0.0 to 1.0"
            raise ValueError(msg)
        return layers
