"""What is run: models, pairs and runs, with identities that need no loaded model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffkit.engine.loading.model_files import (
    declared_dtype,
    fingerprint,
    resolve_base,
    resolve_source,
)
from diffkit.engine.loading.tokenizer_files import (
    end_tokens,
    reading_version,
    tokenizer_fingerprint,
)
from diffkit.method import MethodConfig, execution_options
from diffkit.organism import (
    Adapter,
    AdapterPair,
    BaseModelEntry,
    Control,
    Finetuned,
    FullModel,
    Identical,
    Source,
    sources,
)
from diffkit.registry.specs import Spec
from diffkit.runs.digest import digest
from diffkit.runs.manifest import Identity, RunLabels
from diffkit.texts import Texts

if TYPE_CHECKING:
    import torch

    from diffkit.engine.loading.loader import NetworkCache
    from diffkit.engine.model import Model
    from diffkit.engine.pair import ModelPair

ENGINE_VERSION = 1
"""Raised when the same weights may give other numbers."""


@dataclass(frozen=True)
class SubjectIdentity:
    """The part of a run's key that identifies the models: fields of `Identity`."""

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
    """The two models to compare, and how they are loaded."""

    base: Source
    finetuned: Finetuned
    dtype: str | None = None
    """Number format; none: as stored."""
    attention: str | None = None
    """Attention implementation of transformers; none: its default."""

    @classmethod
    def of(cls, base: BaseModelEntry, finetuned: Finetuned, dtype: str | None = None) -> "PairSpec":
        """A base's entry with a finetuned side, loaded as the entry says.

        Args:
            base: the entry.
            finetuned: the finetuned side.
            dtype: number format; none: that of the entry.
        """
        return cls(base.source, finetuned, dtype or base.dtype, base.attention)

    def identity(self) -> SubjectIdentity:
        """The identity of both sides, by content.

        Raises:
            BadModel: a model folder is missing or cannot be used.
            BadFile: a weights file is damaged.
        """
        folder = resolve_base(self.base)
        base = fingerprint(folder)
        return SubjectIdentity(
            base=base,
            finetuned=_finetuned_fingerprint(self.finetuned, base),
            tokenizer=_tokenizers_digest(self.finetuned, folder),
            dtype=_loading_format(folder, self.dtype, self.attention),
        )


@dataclass(frozen=True)
class ModelSpec:
    """The one model to study, and how it is loaded."""

    base: Source
    dtype: str | None = None
    """Number format; none: as stored."""
    attention: str | None = None
    """Attention implementation of transformers; none: its default."""

    def identity(self) -> SubjectIdentity:
        """The identity of the model, by content.

        Raises:
            BadModel: the model folder is missing or cannot be used.
            BadFile: a weights file is damaged.
        """
        folder = resolve_base(self.base)
        return SubjectIdentity(
            base=fingerprint(folder),
            finetuned=None,
            tokenizer=_reading_digest(
                folder, [tokenizer_fingerprint(folder)], [end_tokens(folder)]
            ),
            dtype=_loading_format(folder, self.dtype, self.attention),
        )


def _loading_format(folder: Path, dtype: str | None, attention: str | None) -> str:
    stored = f"stored:{declared_dtype(folder)}"
    loaded = f"int8+{stored}" if dtype == "int8" else dtype or stored  # some layers keep theirs
    return f"{loaded}/{attention or 'default'}"


def _finetuned_fingerprint(finetuned: Finetuned, base: str) -> str:
    """The fingerprint of a control comes from its parameters, so its weights need not exist."""
    match finetuned:
        case Identical():
            return base
        case Adapter(source=source) | FullModel(source=source):
            return fingerprint(resolve_source(source))
        case Control(of=of, seed=seed, scale=scale):
            return digest(
                {"control": _finetuned_fingerprint(of, base), "seed": seed, "scale": scale}
            )
        case AdapterPair(first=first, second=second):
            return digest(
                {"between": [_finetuned_fingerprint(one, base) for one in (first, second)]}
            )


def _tokenizers_digest(finetuned: Finetuned, base: Path) -> str:
    """Digest of both sides' tokenizers and end tokens; a side without its own uses the base's."""
    shared = tokenizer_fingerprint(base)
    own = [tokenizer_fingerprint(resolve_source(source)) or shared for source in sources(finetuned)]
    if not isinstance(finetuned, AdapterPair):
        own = [shared, *(own or [shared])]
    ends = [end_tokens(base)]
    if isinstance(finetuned, FullModel):
        ends.append(end_tokens(resolve_source(finetuned.source)))
    return _reading_digest(base, own, ends)


def _reading_digest(
    base: Path, tokenizers: Sequence[str | None], ends: Sequence[tuple[int, ...]]
) -> str:
    """Digest of how texts are read; parts that are as ever add nothing, so that keys stay."""
    parts: list[Any] = list(tokenizers)
    if any(ends):  # generation_config.json names end tokens that config.json does not
        parts.append({"end_tokens": [list(ids) for ids in ends]})
    if (version := reading_version(base)) is not None:
        parts.append({"reading": version})
    return digest(parts)


@dataclass(frozen=True)
class RunSpec:
    """One run: a method or study with options over its subject, texts and seed."""

    method: Spec
    config: MethodConfig
    subject: PairSpec | ModelSpec
    """Two models for a method, one for a study."""
    texts: Texts
    seed: int = 0
    labels: RunLabels = field(default_factory=RunLabels)
    """Names of what is compared; no part of the identity."""

    def identity(self) -> Identity:
        """Everything that determines the run's findings.

        Raises:
            BadModel: a model folder is missing or cannot be used.
            BadFile: a weights file is damaged.
        """
        options = self.config.model_dump(mode="json")
        hidden = execution_options(type(self.config))
        subject = self.subject.identity()
        return Identity(
            method=self.method.name,
            version=self.method.version,
            options={name: value for name, value in options.items() if name not in hidden},
            base=subject.base,
            finetuned=subject.finetuned,
            tokenizer=subject.tokenizer,
            texts=self.texts.digest,
            seed=self.seed,
            dtype=subject.dtype,
            engine=ENGINE_VERSION,
        )


@dataclass(frozen=True)
class OpenedModels:
    """A loaded pair or model, and the device of its weights."""

    subject: "ModelPair | Model"
    device: "torch.device"


@contextmanager
def open_models(
    subject: PairSpec | ModelSpec, device: str, networks: "NetworkCache | None" = None
) -> Iterator[OpenedModels]:
    """The pair or model of ``subject``, until the context ends.

    Raises:
        BadModel, BadFile, BadDevice: as `load_pair` and `load_model` do.
    """
    from diffkit.engine.loading.loader import load_model

    if isinstance(subject, ModelSpec):
        model = load_model(
            subject.base,
            device=device,
            dtype=subject.dtype,
            attention=subject.attention,
            networks=networks,
        )
        yield OpenedModels(model, model.device)
        return
    with open_pair(subject, device, networks) as pair:
        yield OpenedModels(pair, pair.base.device)


def open_pair(
    subject: PairSpec, device: str, networks: "NetworkCache | None" = None
) -> "ModelPair":
    """The pair of ``subject``; a context that frees its memory at its end.

    Raises:
        BadModel, BadFile, BadDevice: as `load_pair` does.
    """
    from diffkit.engine.loading.loader import load_pair

    return load_pair(
        subject.base,
        subject.finetuned,
        device=device,
        dtype=subject.dtype,
        attention=subject.attention,
        networks=networks,
    )
