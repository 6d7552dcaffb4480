"""What is to be run, and the identity that follows from it without loading any model."""

from dataclasses import dataclass

from diffkit.engine.weights import (
    declared_dtype,
    fingerprint,
    resolve,
    resolve_base,
    tokenizer_fingerprint,
)
from diffkit.method import MethodConfig, execution_options
from diffkit.organism import Adapter, Control, Finetuned, FullModel, Identical, Source
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
        base = resolve_base(self.pair.base)
        number_format = self.pair.dtype or f"stored:{declared_dtype(base)}"
        return Identity(
            method=self.method.name,
            version=self.method.version,
            options={name: value for name, value in options.items() if name not in hidden},
            base=fingerprint(base),
            finetuned=_finetuned(self.pair.finetuned, fingerprint(base)),
            tokenizer=_tokenizers(self.pair),
            texts=self.texts.digest,
            seed=self.seed,
            dtype=f"{number_format}/{self.pair.attention or 'default'}",
            engine=ENGINE_VERSION,
        )


def _finetuned(finetuned: Finetuned, base: str) -> str:
    """A control is known by what it is drawn from: its weights need not be made to be named."""
    match finetuned:
        case Identical():
            return base
        case Adapter(source=source) | FullModel(source=source):
            return fingerprint(resolve(source))
        case Control(of=of, seed=seed):
            return digest({"control": _finetuned(of, base), "seed": seed})


def _tokenizers(pair: PairSpec) -> str:
    """Both sides' tokenizers; a finetuned side without one of its own has the base's."""
    base = tokenizer_fingerprint(resolve(pair.base))
    finetuned = pair.finetuned.of if isinstance(pair.finetuned, Control) else pair.finetuned
    own = None
    if isinstance(finetuned, Adapter | FullModel):
        own = tokenizer_fingerprint(resolve(finetuned.source))
    return digest([base, own or base])
