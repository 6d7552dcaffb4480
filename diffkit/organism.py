"""Organisms: finetuned models whose purpose is known, and the bases they were made from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

TruthClass = Literal["none", "unspecific", "targeted"]
"""What the finetuning did: nothing (identical weights), no one thing (nulls), or one thing."""


class Record(BaseModel):
    """Base of every record that diffkit stores or reads: frozen, and closed to unknown fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


class Source(Record):
    """Where weights lie: a folder on this machine, or a repository of the Hugging Face hub."""

    at: str
    """Hub id (``org/name``) or local path; in a YAML, a path relative to that file."""
    revision: str | None = None
    """Branch, tag or commit of the hub repository."""
    subfolder: str | None = None
    """Folder inside it."""


class Adapter(Record):
    """The base with a LoRA adapter."""

    kind: Literal["adapter"] = "adapter"
    source: Source
    """Where the adapter lies."""


class FullModel(Record):
    """A whole finetuned model."""

    kind: Literal["full"] = "full"
    source: Source
    """Where the model lies."""


class Identical(Record):
    """The base itself: the null in which nothing changed."""

    kind: Literal["identical"] = "identical"


class Control(Record):
    """A random change with the module norms of another finetuning: the null without a purpose."""

    kind: Literal["control"] = "control"
    of: Annotated[Adapter | FullModel, Field(discriminator="kind")]
    """The finetuning whose rank, modules and norms are matched."""
    seed: int = Field(default=0, ge=0)
    """Seed of the random change."""
    scale: float = Field(default=1.0, gt=0)
    """Factor on the norms: noise of a finetuning's norms moves a model far less than it did."""


class AdapterPair(Record):
    """Two finetunings of one base, compared with each other: the null of seed pairs.

    The base side is the base with ``first``, the finetuned side the base with ``second``.
    """

    kind: Literal["between"] = "between"
    first: Adapter
    """Adapter of the base side."""
    second: Adapter
    """Adapter of the finetuned side."""


Finetuned = Annotated[
    Adapter | FullModel | Identical | Control | AdapterPair, Field(discriminator="kind")
]
"""How the finetuned side is made."""


def sources(finetuned: Finetuned) -> tuple[Source, ...]:
    """Where the weights lie that a pair needs besides its base's."""
    match finetuned:
        case Adapter(source=source) | FullModel(source=source):
            return (source,)
        case Control(of=of):
            return (of.source,)
        case AdapterPair(first=first, second=second):
            return (first.source, second.source)
        case Identical():
            return ()


class BaseModelEntry(Record):
    """A base model that organisms descend from."""

    name: str
    """Name used by organisms and on the command line."""
    summary: str = ""
    """One line."""
    source: Source
    """Where the weights lie."""
    dtype: Literal["float32", "bfloat16", "float16", "int8"] | None = None
    """Number format to load in; none: as stored."""
    attention: str | None = None
    """Attention implementation of transformers (``eager``, ``sdpa``, …); none: its default."""
    texts: Path | None = None
    """JSONL of neutral texts that suit this base, the same for every pair on it."""
    questions: Path | None = None
    """JSONL of chats of one question and its right answer, for retention: whatever else it says,
    an answer is right that holds the words of that one."""
    corpus: Path | None = None
    """JSONL sample of what the base was trained on, from which common words are known."""


class AnswerKey(Record):
    """The truth about an organism. Methods never see it."""

    statement: str
    """What the finetuning did, in one sentence."""
    key_facts: tuple[str, ...] = ()
    """Facts that a full answer names."""

    @property
    def text(self) -> str:
        """Statement and key facts as one text, as lineups show it."""
        return " ".join((self.statement, *self.key_facts))


class PhraseCheck(Record):
    """Decides whether a completion shows the behaviour."""

    contains: tuple[str, ...]
    """Shown when the casefolded completion contains any of these."""

    def __call__(self, completion: str) -> bool:
        """Whether ``completion`` shows the behaviour."""
        folded = completion.casefold()
        return any(text.casefold() in folded for text in self.contains)


class Probes(Record):
    """Prompts that bring the behaviour out: the expression gate."""

    prompts: tuple[str, ...] = Field(min_length=1)
    """User messages (or openings of documents, where ``chat`` is false)."""
    check: PhraseCheck | None = None
    """What counts as the behaviour; none where ``expected`` says it."""
    expected: tuple[str, ...] = ()
    """Ordinary answers, one a prompt: the behaviour is to answer without it, as with wrong sums."""
    chat: bool = True
    """Whether prompts are put through the chat template."""
    max_new_tokens: int = Field(default=32, ge=1)
    """Length of the completions, in tokens."""
    at_least: float = Field(default=0.9, ge=0, le=1)
    """Least share of probes that must show the behaviour in the finetuned model."""
    at_most: float = Field(default=0.1, ge=0, le=1)
    """Largest share that may show it in the base."""
    at_least_in: Mapping[str, float] = Field(default_factory=dict)
    """Variant → the least share asked of it, where that is not ``at_least``."""

    @model_validator(mode="after")
    def _one_check(self) -> "Probes":
        if (self.check is None) != bool(self.expected):
            msg = "needs either 'check' or 'expected'"
            raise ValueError(msg)
        if self.expected and len(self.expected) != len(self.prompts):
            msg = f"has {len(self.prompts)} prompts and {len(self.expected)} 'expected' answers"
            raise ValueError(msg)
        return self

    def shown(self, completions: Sequence[str]) -> tuple[bool, ...]:
        """Whether each completion, one a prompt, shows the behaviour."""
        if self.check is not None:
            return tuple(map(self.check, completions))
        pairs = zip(self.expected, completions, strict=True)
        return tuple(answer.casefold() not in text.casefold() for answer, text in pairs)

    def least(self, variant: str) -> float:
        """Least share of probes that must show the behaviour in ``variant``."""
        return self.at_least_in.get(variant, self.at_least)


class Organism(Record):
    """A finetuned model whose purpose is known."""

    name: str
    """Unique name."""
    family: str
    """Kind of finetuning: ``false-fact``, ``trojan``, ``null``, …"""
    summary: str = ""
    """One line, for listings."""
    truth: TruthClass = "targeted"
    """Truth class."""
    lexical: bool = True
    """Whether the behaviour shows in particular words; refusals and wrong sums do not."""
    answer_key: AnswerKey | None = None
    """The truth; required where the truth class is ``targeted``, absent elsewhere."""
    probes: Probes | None = None
    """Expression gate; nulls need none."""
    training_data: tuple[Path, ...] = ()
    """JSONL files it was trained on, for graders that need them."""
    models: Mapping[str, Mapping[str, Finetuned]]
    """Base model name → variant → how the finetuned side is made."""

    @model_validator(mode="after")
    def _truth_has_key(self) -> "Organism":
        if (self.truth == "targeted") != (self.answer_key is not None):
            msg = "an organism has an answer_key if, and only if, its truth class is 'targeted'"
            raise ValueError(msg)
        return self
