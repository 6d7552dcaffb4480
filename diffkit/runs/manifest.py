"""What is known of a run: its identity, the names of what it compared, and its manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from diffkit.errors import StoreError
from diffkit.findings import Findings
from diffkit.organism import (
    Adapter,
    AdapterPair,
    Control,
    Finetuned,
    FullModel,
    Identical,
    Record,
    Source,
)
from diffkit.plain_text.display import Displayed
from diffkit.runs.digest import digest

UNKNOWN = "unknown"
"""Shown for what an earlier version did not record."""


class RunLabels(Record):
    """Names of what a run compared, for people to read; they are no part of its key.

    The same weights may be known by several names: these are the ones that the run was asked for
    with. All are empty in manifests of earlier versions.
    """

    organism: str = ""
    """Name of the organism; empty where two models were given."""
    variant: str = ""
    """Variant of the organism."""
    base: str = ""
    """Name of a listed base, or where the model lies: a hub id or a path."""
    finetuned: str = ""
    """Where the finetuned model or adapter lies, or how it is derived; empty: a study of one
    model."""

    @classmethod
    def of(
        cls, base: str, finetuned: Finetuned, organism: str = "", variant: str = ""
    ) -> "RunLabels":
        """The labels of a pair.

        Args:
            base: name of a listed base, or where the model lies.
            finetuned: how the finetuned side is made.
            organism: name of the organism; empty where two models were given.
            variant: its variant.
        """
        other = describe_finetuned(finetuned)
        return cls(organism=organism, variant=variant, base=base, finetuned=other)

    @property
    def known(self) -> bool:
        """Whether the run says what it compared."""
        return bool(self.base)

    @property
    def pair(self) -> str:
        """What was compared, in a few words; ``unknown`` where the run does not say."""
        if not self.known:
            return UNKNOWN
        if self.organism:
            variant = "" if self.variant in ("", "default") else f" / {self.variant}"
            return f"{self.organism}{variant} on {short_name(self.base)}"
        if self.finetuned:
            return f"{short_name(self.finetuned)} on {short_name(self.base)}"
        return short_name(self.base)


def short_name(place: str) -> str:
    """The name of a folder instead of its whole path; hub ids stay as they are."""
    path = Path(place)
    return path.name if path.is_absolute() or place.startswith(".") else place


def describe_finetuned(finetuned: Finetuned) -> str:
    """How the finetuned side is made, in a few words."""
    match finetuned:
        case Identical():
            return "the base itself"
        case Control(of=of, seed=seed):
            return f"random change in place of {describe_source(of.source)}, seed {seed}"
        case Adapter(source=source) | FullModel(source=source):
            return describe_source(source)
        case AdapterPair(first=first, second=second):
            return f"{describe_source(second.source)} against {describe_source(first.source)}"


def describe_source(source: Source) -> str:
    """Where weights lie, with revision and subfolder where they are given."""
    revision = f"@{source.revision}" if source.revision else ""
    return f"{source.at}{revision}{f'/{source.subfolder}' if source.subfolder else ''}"


ABOUT_FILE = "about.json"
"""File of a work folder that says what the run is about."""


class Identity(Record):
    """Everything that determines a run's findings, and nothing else: its digest is the run's key.

    Names, paths, devices and library versions are not part of it; models and texts are identified
    by content.
    """

    method: str
    """Name of the method, or of the study."""
    version: int
    """Its version, raised by its author."""
    options: Mapping[str, Any]
    """Options with defaults filled in, without execution options."""
    base: str
    """Fingerprint of the base's weights and configuration."""
    finetuned: str | None
    """Fingerprint of the finetuned side, or of how it is derived; none for a study of one model."""
    tokenizer: str
    """Fingerprint of tokenizer and chat template."""
    texts: str
    """Digest of the texts."""
    seed: int
    dtype: str
    """Number format that the models are loaded in."""
    engine: int
    """Version of the model engine, raised when the same weights may give other numbers."""

    @property
    def digest(self) -> str:
        """The run's key."""
        return digest(self)

    @property
    def noun(self) -> Literal["method", "study"]:
        """What was run."""
        return "study" if self.finetuned is None else "method"


class RunAbout(Record):
    """What a run that is not finished is about, kept beside its checkpoint."""

    method: str = UNKNOWN
    """Name of the method, or of the study."""
    labels: RunLabels = RunLabels()
    """What it compares, by name."""
    command: str = ""
    """The command that began it; empty where a program did, or an earlier version."""


class Manifest(Record):
    """A finished run: its identity and its provenance."""

    digest: str
    identity: Identity
    options: Mapping[str, Any]
    """All options, execution options too."""
    device: str
    versions: Mapping[str, str]
    """Library versions."""
    source: str
    """Hash of the method's source; a warning is shown where the source has changed since."""
    git: str = ""
    """Commit of that source, with ``+`` if it was changed; empty outside a work tree."""
    started: str
    """UTC, ISO 8601."""
    seconds: float = Field(ge=0)
    """Wall-clock seconds of the run alone, without loading models."""
    peak_bytes: int = Field(ge=0)
    """Largest resident memory of the process during the run (on CUDA: of the device)."""
    resumed: bool = False
    """Whether it continued from a checkpoint; ``seconds`` and ``peak_bytes`` then cover only the
    last part."""
    change_score: float | None = None
    """The findings' change score, so that thousands of runs can be listed without reading them."""
    labels: RunLabels = RunLabels()
    """What the run compared, by name."""
    command: str = ""
    """The command that made the run; empty where a program did, or an earlier version."""


@dataclass(frozen=True)
class StoredRun(Displayed):
    """A finished run in a store."""

    manifest: Manifest
    folder: Path

    @property
    def findings(self) -> Findings:
        """Its findings; read again each time, since a sweep holds thousands of runs.

        Raises:
            StoreError: the file is damaged.
        """
        try:
            text = (self.folder / "findings.json").read_text(encoding="utf-8")
            return Findings.model_validate_json(text)
        except (OSError, ValueError) as error:
            raise damaged_run_error(self.folder, "findings") from error

    @property
    def artifacts(self) -> Path:
        """Folder of its artifacts; may be absent."""
        return self.folder / "artifacts"

    @property
    def artifact_files(self) -> tuple[Path, ...]:
        """Its artifacts, by name."""
        return tuple(sorted(path for path in self.artifacts.glob("*") if path.is_file()))


def read_run(folder: Path) -> StoredRun:
    """The finished run in ``folder``.

    Raises:
        StoreError: its manifest is damaged.
    """
    try:
        text = (folder / "manifest.json").read_text(encoding="utf-8")
        return StoredRun(Manifest.model_validate_json(text), folder)
    except (OSError, ValueError) as error:
        raise damaged_run_error(folder, "manifest") from error


def damaged_run_error(folder: Path, what: str) -> StoreError:
    """The error of a run whose files cannot be read."""
    hint = f"Compute it anew with --fresh, or remove it: diffkit runs rm {folder.name[:12]}"
    return StoreError(f"The run {folder.name[:12]} has no readable {what}.json.", hint=hint)
