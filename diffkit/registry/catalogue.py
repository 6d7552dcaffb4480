"""All organisms and base models that plugins registered, by name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from diffkit.errors import BadFile, UnknownName, UserError
from diffkit.evaluation.calibration.table import CalibrationRow, read_tables
from diffkit.options.yaml_records import read_record
from diffkit.organism import BaseModelEntry, Finetuned, Organism, Record, Source

ORGANISM_LISTING = "diffkit organisms list"

R = TypeVar("R", Organism, BaseModelEntry)


@dataclass(frozen=True)
class SelectedPair:
    """One pair of an organism: on which base, in which variant."""

    organism: Organism
    base: BaseModelEntry
    variant: str
    finetuned: Finetuned


@dataclass(frozen=True)
class Catalogue:
    """Organisms and bases by name."""

    organisms: Mapping[str, Organism]
    bases: Mapping[str, BaseModelEntry]
    broken: tuple[str, ...]
    """One line for each file that could not be read."""
    tables: tuple[Path, ...] = ()
    """Files of calibration tables."""

    def organism(self, name: str) -> Organism:
        """The organism named ``name``, or the one in the YAML file ``name``.

        Raises:
            UnknownName: there is none.
            BadFile: the YAML is malformed.
        """
        if is_organism_file(name):
            return read_organism(Path(name))
        if name not in self.organisms:
            raise UnknownName("organism", name, self.organisms, listing=ORGANISM_LISTING)
        return self.organisms[name]

    def base(self, name: str, *, organism: str = "") -> BaseModelEntry:
        """The base model entry named ``name``.

        Args:
            name: its name.
            organism: the organism on it; if that is a file, ``bases/*.yaml`` in its folder and in
                the parent folder are searched too.
        """
        bases = {
            **self.bases,
            **(_bases_beside(Path(organism)) if is_organism_file(organism) else {}),
        }
        if name not in bases:
            raise UnknownName("base model", name, bases, listing=ORGANISM_LISTING)
        return bases[name]

    def select(
        self, name: str, *, base: str | None = None, variant: str | None = None
    ) -> SelectedPair:
        """One pair of the organism ``name``: by default its first base and variant."""
        found = {one.variant: one for one in self.variants(name, base=base)}
        picked = variant or ("default" if "default" in found else next(iter(found)))
        if picked not in found:
            one = next(iter(found.values()))
            kind = f"variant of {one.organism.name!r} on {one.base.name!r}"
            raise UnknownName(kind, picked, found)
        return found[picked]

    def variants(self, name: str, *, base: str | None = None) -> tuple[SelectedPair, ...]:
        """All pairs of the organism ``name`` on one base, by default its first.

        Raises:
            UnknownName: there is no such organism, or it is not on that base.
            UserError: it has no variant there.
        """
        organism = self.organism(name)
        chosen = base or next(iter(organism.models), "")
        if chosen not in organism.models:
            raise UnknownName(f"base model of {organism.name!r}", chosen, organism.models)
        if not organism.models[chosen]:
            what = f"The organism {organism.name!r} has no variant on {chosen!r}."
            raise UserError(what, hint="Give it one in its YAML, under 'models'.")
        entry = self.base(chosen, organism=name)
        return tuple(
            SelectedPair(organism, entry, variant, finetuned)
            for variant, finetuned in organism.models[chosen].items()
        )

    @cached_property
    def calibrated(self) -> Mapping[str, CalibrationRow]:
        """Calibration runs that were made before, by digest; read when they are first needed."""
        return read_tables(self.tables)


def is_organism_file(organism: str) -> bool:
    """Whether an organism is given as a YAML file, not as a name."""
    return organism.endswith((".yaml", ".yml"))


def _bases_beside(organism: Path) -> dict[str, BaseModelEntry]:
    folders = (organism.parent, organism.resolve().parent.parent)
    files = (path for folder in folders for path in sorted(folder.glob("bases/*.yaml")))
    return {base.name: base for base in map(read_base, files)}


def read_catalogue(folders: Iterable[Path]) -> Catalogue:
    """Reads every organism and base below ``folders``; a broken file gives one line.

    A name that two files define is left out, with a line that names both files.
    """
    organisms: dict[str, Organism] = {}
    bases: dict[str, BaseModelEntry] = {}
    broken: list[str] = []
    folders = tuple(folders)
    _collect((p for f in folders for p in sorted(f.glob("bases/*.yaml"))), read_base, bases, broken)
    paths = (p for f in folders for p in sorted(f.glob("organisms/*.yaml")))
    _collect(paths, read_organism, organisms, broken)
    tables = tuple(p for f in folders for p in sorted(f.glob("calibration/*.jsonl")))
    return Catalogue(organisms, bases, tuple(broken), tables)


def _collect(
    paths: Iterable[Path], read: Callable[[Path], R], known: dict[str, R], broken: list[str]
) -> None:
    first: dict[str, Path] = {}
    for path in paths:
        try:
            record = read(path)
        except BadFile as error:
            broken.append(str(error))
            continue
        if record.name in first:
            known.pop(record.name, None)
            broken.append(
                f"{first[record.name]} and {path} both define {record.name!r}; neither is used. "
                "Rename one, or turn one plugin off: --no-plugin NAME"
            )
        else:
            first[record.name], known[record.name] = path, record


def read_organism(path: Path) -> Organism:
    """Reads an organism's YAML and makes its paths absolute."""
    organism = read_record(path, Organism)
    models = {
        base: {
            name: _with_absolute_sources(finetuned, path) for name, finetuned in variants.items()
        }
        for base, variants in organism.models.items()
    }
    data = tuple(path.parent / file for file in organism.training_data)
    return organism.model_copy(update={"models": models, "training_data": data})


def read_base(path: Path) -> BaseModelEntry:
    """Reads a base model's YAML and makes its paths absolute."""
    base = read_record(path, BaseModelEntry)
    files = {
        name: (path.parent / file).resolve()
        for name in ("texts", "questions", "corpus")
        if (file := getattr(base, name)) is not None
    }
    return base.model_copy(update={"source": _absolute_source(base.source, path), **files})


def _with_absolute_sources(part: Any, path: Path) -> Any:
    """A finetuned side with every source in it made absolute."""
    if isinstance(part, Source):
        return _absolute_source(part, path)
    if not isinstance(part, Record):
        return part
    inner = {
        name: _with_absolute_sources(getattr(part, name), path) for name in type(part).model_fields
    }
    return part.model_copy(update=inner)


def _absolute_source(source: Source, path: Path) -> Source:
    """A path that starts with a dot, or exists beside the YAML, is relative to the YAML."""
    place = (path.parent / source.at).resolve()
    local = source.at.startswith(".") or place.exists()
    return source.model_copy(update={"at": str(place)}) if local else source
