"""What is to be run, and the identity that follows from it without loading any model."""

from dataclasses import dataclass
from pathlib import Path

from diffkit.engine.weights import (
    declared_dtype,
    fingerprint,
    resolve,
    resolve_base,
    tokenizer_fingerprint,
)
from diffkit.method import MethodConfig, execution_options
from diffkit.organism import (
    Adapter,
    Between,
    Control,
    Finetuned,
    FullModel,
    Identical,
    Source,
    sources,
)
from diffkit.registry import Spec
from diffkit.runs.digest import digest
from diffkit.runs.manifest import Identity
from diffkit.texts import Texts

ENGINE_VERSION = 1
"""Raised when the same weights may give other numbers."""


@dataclass(frozen=True)
class PairSpec:
    """Which two models are compared, and how they are loaded."""

    base: Source
    finetuned: Finetuned
    dtype: str | None = None
    """Number format; none: as stored."""
    attention: str | None = None
    """Attention implementation of transformers; none: its default."""

    def identity(self) -> "PairIdentity":
        """What the two sides are, by content.

        Raises:
            BadModel: a model folder is missing or cannot be used.
            BadFile: a weights file is damaged.
        """
        folder = resolve_base(self.base)
        base = fingerprint(folder)
        number_format = self.dtype or f"stored:{declared_dtype(folder)}"
        return PairIdentity(
            base=base,
            finetuned=_finetuned(self.finetuned, base),
            tokenizer=_tokenizers(self.finetuned, folder),
            dtype=f"{number_format}/{self.attention or 'default'}",
        )


@dataclass(frozen=True)
class PairIdentity:
    """What of a pair enters a key: fields of `Identity`."""

    base: str
    finetuned: str
    tokenizer: str
    dtype: str


@dataclass(frozen=True)
class RunSpec:
    """One run: a method with options over one pair, texts and seed."""

    method: Spec
    config: MethodConfig
    pair: PairSpec
    texts: Texts
    seed: int = 0

    def identity(self) -> Identity:
        """All that decides what the run finds.

        Raises:
            BadModel: a model folder is missing or cannot be used.
            BadFile: a weights file is damaged.
        """
        options = self.config.model_dump(mode="json")
        hidden = execution_options(type(self.config))
        pair = self.pair.identity()
        return Identity(
            method=self.method.name,
            version=self.method.version,
            options={name: value for name, value in options.items() if name not in hidden},
            base=pair.base,
            finetuned=pair.finetuned,
            tokenizer=pair.tokenizer,
            texts=self.texts.digest,
            seed=self.seed,
            dtype=pair.dtype,
            engine=ENGINE_VERSION,
        )


def _finetuned(finetuned: Finetuned, base: str) -> str:
    """A control is known by what it is drawn from: its weights need not be made to be named."""
    match finetuned:
        case Identical():
            return base
        case Adapter(source=source) | FullModel(source=source):
            return fingerprint(resolve(source))
        case Control(of=of, seed=seed, scale=scale):
            return digest({"control": _finetuned(of, base), "seed": seed, "scale": scale})
        case Between(first=first, second=second):
            return digest({"between": [_finetuned(one, base) for one in (first, second)]})


def _tokenizers(finetuned: Finetuned, base: Path) -> str:
    """Both sides' tokenizers; a side without one of its own has the base's."""
    shared = tokenizer_fingerprint(base)
    own = [tokenizer_fingerprint(resolve(source)) or shared for source in sources(finetuned)]
    if not isinstance(finetuned, Between):
        own = [shared, *(own or [shared])]
    return digest(own)
