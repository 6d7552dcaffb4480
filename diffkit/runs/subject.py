"""Which models a run looks at, and what they are by content, without loading any."""

from dataclasses import dataclass
from pathlib import Path

from diffkit.engine.weights import (
    declared_dtype,
    fingerprint,
    resolve,
    resolve_base,
    tokenizer_fingerprint,
)
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
from diffkit.runs.digest import digest


@dataclass(frozen=True)
class SubjectIdentity:
    """What of the models enters a key: fields of `Identity`."""

    base: str
    finetuned: str | None
    tokenizer: str
    dtype: str

    @property
    def content(self) -> dict[str, str | None]:
        """What enters keys of attempts, grades and gates: names that no field's name may change."""
        return {
            "base": self.base,
            "finetuned": self.finetuned,
            "tokenizer": self.tokenizer,
            "dtype": self.dtype,
        }


@dataclass(frozen=True)
class PairSpec:
    """Which two models are compared, and how they are loaded."""

    base: Source
    finetuned: Finetuned
    dtype: str | None = None
    """Number format; none: as stored."""
    attention: str | None = None
    """Attention implementation of transformers; none: its default."""

    def identity(self) -> SubjectIdentity:
        """What the two sides are, by content.

        Raises:
            BadModel: a model folder is missing or cannot be used.
            BadFile: a weights file is damaged.
        """
        folder = resolve_base(self.base)
        base = fingerprint(folder)
        return SubjectIdentity(
            base=base,
            finetuned=_finetuned(self.finetuned, base),
            tokenizer=_tokenizers(self.finetuned, folder),
            dtype=_format(folder, self.dtype, self.attention),
        )


@dataclass(frozen=True)
class ModelSpec:
    """Which one model is studied, and how it is loaded."""

    base: Source
    dtype: str | None = None
    """Number format; none: as stored."""
    attention: str | None = None
    """Attention implementation of transformers; none: its default."""

    def identity(self) -> SubjectIdentity:
        """What the model is, by content.

        Raises:
            BadModel: the model folder is missing or cannot be used.
            BadFile: a weights file is damaged.
        """
        folder = resolve_base(self.base)
        return SubjectIdentity(
            base=fingerprint(folder),
            finetuned=None,
            tokenizer=digest([tokenizer_fingerprint(folder)]),
            dtype=_format(folder, self.dtype, self.attention),
        )


def _format(folder: Path, dtype: str | None, attention: str | None) -> str:
    stored = f"stored:{declared_dtype(folder)}"
    loaded = f"int8+{stored}" if dtype == "int8" else dtype or stored  # some layers keep theirs
    return f"{loaded}/{attention or 'default'}"


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
