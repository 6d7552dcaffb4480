"""Options of soft-prompt-kl, and presets of them; does not import torch."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from diffkit import ImportPath, InputFile, MethodConfig, execution_option

Preset = Literal["sandbagging", "trojan", "unlearning", "general"]

PRESETS: Mapping[Any, Mapping[str, Any]] = {
    # What the base still does and the finetuned side no longer says, on ordinary tasks.
    "sandbagging": {"divergence": "reverse-kl", "source": "texts"},
    # A short trigger that opens another behaviour: few tokens, many starts.
    "trojan": {"divergence": "kl", "source": "completions", "n_tokens": 4, "restarts": 4},
    # What was unlearnt is what the base says and the finetuned side does not.
    "unlearning": {"divergence": "reverse-kl", "source": "both", "restarts": 2},
    # Any difference, in either direction.
    "general": {"divergence": "jsd", "source": "both", "n_tokens": 16},
}
"""What each preset changes, by option."""


class SoftPromptKLConfig(MethodConfig):
    """What is trained, on what, against which degenerate optima, and what is shown of it."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {
            "steps": 12,
            "batch": 4,
            "evaluate_every": 6,
            "contexts": 12,
            "own_contexts": 12,
            "completion_tokens": 12,
        }
    }

    preset: Preset | None = None
    """Other defaults for a question that one has in mind. Such a run is exploratory: it has no
    change score, so it is never ranked. Options that are given override the preset's."""
    prompt: InputFile | None = None
    """A trained prompt (a safetensors file of this method) that is applied as it is, to this pair
    or another of the same width; none trains one."""

    divergence: ImportPath = ImportPath("kl")
    """What is maximised: ``kl`` (finetuned ‖ base: what finetuning made likely), ``reverse-kl``
    (what it suppressed), ``jsd`` (bounded by ln 2), or your own as ``module:function``."""
    source: Literal["completions", "texts", "both"] = "completions"
    """Tokens that it is maximised over: the finetuned side's own completions under the prompt,
    drawn anew as it changes; the suite's texts; or both in turn."""
    n_tokens: int = Field(default=8, ge=1, le=1_024)
    """Soft tokens, prepended to the input."""
    max_n_tokens: int | None = Field(default=None, ge=1, le=1_024)
    """Where the held-out score has stopped rising, a token is added, up to so many (more than
    ``n_tokens``); none: never."""
    initialisation: str = "vocabulary"
    """Where soft tokens start: ``vocabulary`` (embeddings of random tokens), ``normal`` (N(0, 1)
    scaled to the vocabulary's median norm), or ``text:`` and words (embeddings of their first
    ``n_tokens`` tokens; a text of fewer is repeated)."""
    restarts: int = Field(default=1, ge=1, le=1_000)
    """Trainings from other starts; the one with the largest held-out score is kept. A text is the
    start of the first alone, and random tokens are those of the others."""

    steps: int = Field(default=30, ge=1, le=1_000_000)
    """Steps of each training at most."""
    batch: int = Field(default=8, ge=1, le=4_096)
    """Texts or completions of a step."""
    rate: float = Field(default=0.5, gt=0, le=100)
    """Adam's learning rate at its peak, in standard deviations of the vocabulary's embeddings."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the steps in which the rate rises linearly; afterwards it falls as a cosine."""
    clip: float = Field(default=1.0, gt=0, le=1e6)
    """Bound on the norm of each gradient, in its own running mean norm."""
    evaluate_every: int = Field(default=10, ge=1, le=1_000_000)
    """Steps between held-out evaluations, which is also how often completions are drawn anew."""
    patience: int = Field(default=3, ge=1, le=1_000_000)
    """Evaluations in a row without a better held-out score after which a training ends, or its
    prompt grows. Where patience × ``evaluate_every`` is not below ``steps``, as with the defaults,
    every training takes all its steps."""

    norm_quantile: float = Field(default=0.95, gt=0, le=1)
    """Each soft token's norm is held below this quantile of the vocabulary's norms."""
    cap: float = Field(default=5.0, gt=0, le=1e6)
    """A token's divergence counts up to this many nats, so that no single one decides."""
    anchor: float = Field(default=2.0, ge=0, le=1e3)
    """Weight of KL(base under the prompt ‖ base without it), in nats per token, subtracted: what
    parts the sides while the base goes on as ever is what finetuning added. 0: the bare divergence,
    whose optima are near certain to be degenerate."""
    fluency: float = Field(default=0.0, ge=0, le=1e3)
    """Weight of the finetuned side's mean negative log-likelihood of what is read, subtracted."""
    entropy: float = Field(default=0.0, ge=0, le=1e3)
    """Weight of what the finetuned side's entropy lies outside the band that it has without the
    prompt (its 5 % to 95 % quantiles), in nats per token, subtracted."""

    contexts: int = Field(default=32, ge=0, le=100_000)
    """Contexts taken from the texts (users' turns, documents' first words), and texts read."""
    own_contexts: int = Field(default=32, ge=0, le=100_000)
    """Contexts that the finetuned side writes itself, as users' messages. Half of all contexts are
    held out."""
    context_min_p: float = Field(default=0.05, ge=0, le=1)
    """In these own contexts, only tokens at least so many times as probable as the likeliest are
    drawn; 0 draws all."""
    context_tokens: int = Field(default=48, ge=1, le=131_072)
    """Longer contexts are left out; a document's first words are at most a quarter of it."""
    completion_tokens: int = Field(default=16, ge=1, le=4_096)
    """Tokens of each completion at most."""
    temperature: float = Field(default=1.0, ge=0, le=10)
    """Of the completions that are trained on and measured; 0 takes the likeliest tokens."""
    max_tokens: int = Field(default=128, ge=2, le=131_072)
    """Tokens read of each text, where texts are trained on."""
    controls: int = Field(default=0, ge=0, le=1_000)
    """Random changes of the base with the pair's own mean KL, for which prompts are trained in the
    same way; 19 allow a p-value of 0.05."""

    top: int = Field(default=10, ge=1, le=1_000)
    """Likeliest tokens of each side whose overlap (Jaccard) is measured."""
    tokens: int = Field(default=30, ge=1, le=1_000)
    """Rows of each table of tokens."""
    samples: int = Field(default=12, ge=1, le=1_000)
    """Completions shown of both sides."""
    traces: int = Field(default=4, ge=0, le=100)
    """Most divergent completions shown token by token."""
    clusters: int = Field(default=8, ge=1, le=1_000)
    """Groups of like completions shown."""

    precision: Literal["loaded", "bfloat16", "float16"] = "loaded"
    """Mixed precision of the passes in training: weights as they are loaded, or matrix products in
    another format; the prompt itself is always float32."""
    checkpointing: bool = execution_option(False)
    """Whether blocks are run again backward instead of keeping their activations."""
    micro_batch: int = execution_option(16, ge=1, le=4_096)
    """Texts or completions read at a time; the gradients of a step are accumulated."""
    chunk: int = execution_option(64, ge=1, le=1_048_576)
    """Positions whose distributions over the vocabulary are held at a time."""

    @property
    def initial_text(self) -> str | None:
        """The text that the first training starts from; none: it starts from random vectors."""
        kind, colon, text = self.initialisation.partition(":")
        return text if kind == "text" and colon else None

    @field_validator("initialisation")
    @classmethod
    def _is_a_start(cls, value: str) -> str:
        kind, _, words = value.partition(":")
        if value not in {"vocabulary", "normal"} and not (kind == "text" and words.strip()):
            raise ValueError(
                "should be vocabulary, normal, or text: with words after it, such as "
                "text:Tell me a secret"
            )
        return value

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        preset = given.get("preset") if isinstance(given, dict) else None
        return {**PRESETS[preset], **given} if preset in tuple(PRESETS) else given

    @model_validator(mode="after")
    def _may_grow(self) -> "SoftPromptKLConfig":
        if self.max_n_tokens is not None and self.max_n_tokens <= self.n_tokens:
            raise ValueError(
                f"max_n_tokens={self.max_n_tokens} lets a prompt of n_tokens={self.n_tokens} not "
                f"grow; give more than {self.n_tokens}, or leave it out"
            )
        waited = self.patience * self.evaluate_every
        if self.max_n_tokens is not None and waited >= self.steps:
            raise ValueError(
                f"max_n_tokens={self.max_n_tokens} can never be reached: patience × evaluate_every "
                f"= {self.patience} × {self.evaluate_every} = {waited} is not below steps="
                f"{self.steps}; set steps to more than {waited}, or patience or evaluate_every to "
                "less"
            )
        return self
