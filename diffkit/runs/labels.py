"""Names of what a run compared, for people to read: they are no part of its key."""

from pathlib import Path

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
