"""Organisms: finetuned models whose purpose is known, and their base models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

from diffkit.options.text_files import replace_surrogates, writable

TruthClass = Literal["none", "unspecific", "targeted"]
"""The effect of the finetuning: nothing (identical weights), nothing specific, or one thing."""


class Record(BaseModel):
    """Base of every record that diffkit stores or reads: frozen, and closed to unknown fields.

    An unpaired surrogate in a string becomes �, since UTF-8 cannot encode it.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    kept_as_given: ClassVar[frozenset[str]] = frozenset()
    """Fields that name files, where a surrogate stands for a byte that is not UTF-8."""

    @model_validator(mode="before")
    @classmethod
    def _make_writable(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        kept = cls.kept_as_given
        return {name: one if name in kept else writable(one) for name, one in given.items()}


class Source(Record):
    """The place of weights: a folder on this machine, or a repository on the Hugging Face hub."""

    kept_as_given: ClassVar[frozenset[str]] = frozenset({"at"})

    at: str
    """Hub id (``org/name``) or local path; in a YAML, a path relative to that file."""
    revision: str | None = None
    """Branch, tag or commit of the hub repository."""
    subfolder: str | None = None
    """Folder inside it."""

    @field_serializer("at", when_used="json")
    def _written(self, place: str) -> str:
        return replace_surrogates(place)


class Adapter(Record):
    """The base with a LoRA adapter."""

    kind: Literal["adapter"] = "adapter"
    """Says which kind this is; to be given wherever several kinds are possible."""
    source: Source
    """Source of the adapter."""


class FullModel(Record):
    """A whole finetuned model."""

    kind: Literal["full"] = "full"
    """Says which kind this is; to be given wherever several kinds are possible."""
    source: Source
    """Source of the model."""


class Identical(Record):
    """The base itself: the null in which nothing changed."""

    kind: Literal["identical"] = "identical"
    """Says which kind this is; to be given wherever several kinds are possible."""


class Control(Record):
    """A random change with the module norms of another finetuning: the null without a purpose."""

    kind: Literal["control"] = "control"
    """Says which kind this is; to be given wherever several kinds are possible."""
    of: Annotated[Adapter | FullModel, Field(discriminator="kind")]
    """The finetuning whose rank, modules and norms are matched."""
    seed: int = Field(default=0, ge=0)
    """Seed of the random change."""
    scale: float = Field(default=1.0, gt=0)
    """Factor on the norms; random changes of equal norms change predictions far less."""


class AdapterPair(Record):
    """Two finetunings of one base, compared with each other: the null of seed pairs.

    The base side is the base with ``first``, the finetuned side the base with ``second``.
    """

    kind: Literal["between"] = "between"
    """Says which kind this is; to be given wherever several kinds are possible."""
    first: Adapter
    """Adapter of the base side."""
    second: Adapter
    """Adapter of the finetuned side."""


Finetuned = Annotated[
    Adapter | FullModel | Identical | Control | AdapterPair, Field(discriminator="kind")
]
"""How the finetuned side is made."""


def sources(finetuned: Finetuned) -> tuple[Source, ...]:
    """Sources of the weights that a pair needs besides its base's."""
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
    """One line, for listings."""
    source: Source
    """Source of the weights."""
    dtype: Literal["float32", "bfloat16", "float16", "int8"] | None = None
    """Number format to load in; none: as stored."""
    attention: str | None = None
    """Attention implementation of transformers (``eager``, ``sdpa``, …); none: its default."""
    texts: Path | None = None
    """JSONL of neutral texts that suit this base, the same for every pair on it."""
    questions: Path | None = None
    """JSONL of chats of one question and its right answer, for retention: an answer is right if it
    contains that one."""
    corpus: Path | None = None
    """JSONL sample of the base's training data, which defines the common words."""


class AnswerKey(Record):
    """The truth about an organism. Methods never see it."""

    statement: str
    """The effect of the finetuning, in one sentence."""
    key_facts: tuple[str, ...] = ()
    """Facts that a complete answer names."""

    @property
    def text(self) -> str:
        """Statement and key facts as one text, as lineups show it."""
        return " ".join((self.statement, *self.key_facts))


class PhraseCheck(Record):
    """Decides by phrases whether a completion shows the behaviour."""

    contains: tuple[str, ...]
    """The behaviour is shown if the casefolded completion contains any of these."""

    def matches(self, completion: str) -> bool:
        """Whether ``completion`` shows the behaviour."""
        folded = completion.casefold()
        return any(text.casefold() in folded for text in self.contains)


class Probes(Record):
    """Prompts that elicit the behaviour: the expression gate."""

    prompts: tuple[str, ...] = Field(min_length=1)
    """User's messages, or starts of documents if ``chat`` is ``false``. Give at least 50: a share
    of fewer says little."""
    check: PhraseCheck | None = None
    """Phrases that show the behaviour. Give either this or ``expected``."""
    expected: tuple[str, ...] = ()
    """Ordinary answers, one for each prompt, for behaviours without phrases of their own, such as
    wrong sums: an answer that does not contain the ordinary one shows the behaviour. Give either
    this or ``check``."""
    chat: bool = True
    """Whether each prompt is a user's message that is put through the base's chat template. With
    ``false`` it is the start of a document, which the models continue."""
    max_new_tokens: int = Field(default=32, ge=1)
    """Greatest length of an answer, in tokens. It must be long enough for the phrases of ``check``
    or the answers of ``expected`` to appear."""
    at_least: float = Field(default=0.9, ge=0, le=1)
    """Minimal share of probes that must show the behaviour in the finetuned model."""
    at_most: float = Field(default=0.1, ge=0, le=1)
    """Maximal share that may show it in the base."""
    at_least_in: Mapping[str, float] = Field(default_factory=dict)
    """Variant → its minimal share, if that is not ``at_least``."""

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
        """Whether each completion, one for each prompt, shows the behaviour."""
        if self.check is not None:
            return tuple(map(self.check.matches, completions))
        pairs = zip(self.expected, completions, strict=True)
        return tuple(answer.casefold() not in text.casefold() for answer, text in pairs)

    def least(self, variant: str) -> float:
        """Minimal share of probes that must show the behaviour in ``variant``."""
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
    """Whether the behaviour shows in particular words, so that an investigator that compares words
    can name it. Set ``false`` for behaviours such as refusals and wrong sums: leaderboards show
    these organisms in a table of their own, too."""
    answer_key: AnswerKey | None = None
    """The truth; required if the truth class is ``targeted``, otherwise absent."""
    probes: Probes | None = None
    """Expression gate; nulls need none."""
    training_data: tuple[Path, ...] = ()
    """JSONL files of the texts that taught the behaviour. The control arm ``ceiling`` and graders
    such as ``finetuning-loss`` read them; methods never see them."""
    models: Mapping[str, Mapping[str, Finetuned]]
    """Base model name → variant → how the finetuned side is made."""

    @model_validator(mode="after")
    def _truth_has_key(self) -> "Organism":
        if (self.truth == "targeted") != (self.answer_key is not None):
            msg = "an organism has an answer_key if, and only if, its truth class is 'targeted'"
            raise ValueError(msg)
        return self
