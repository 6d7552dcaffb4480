"""All organisms and base models that plugins registered, by name."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from diffkit.errors import BadFile, SeveralBases, UnknownName, UserError
from diffkit.options.yaml_records import read_record, read_yaml
from diffkit.organism import BaseModelEntry, Finetuned, Organism, Record, Source

ORGANISM_LISTING = "diffkit organisms list"
BASE_LISTING = "diffkit organisms list --bases"
ALL = "*"
"""Selects every base of an organism, or every variant on a base."""

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
    organism_files: Mapping[str, Path] = field(default_factory=dict)
    """The file of each organism."""
    base_files: Mapping[str, Path] = field(default_factory=dict)
    """The file of each base."""

    def organism(self, name: str) -> Organism:
        """The organism named ``name``, or the one in the YAML file ``name``.

        Raises:
            UnknownName: there is none.
            BadFile: the YAML is malformed.
        """
        if is_yaml_file(name):
            return read_organism(Path(name))
        if name not in self.organisms:
            raise UnknownName("organism", name, self.organisms, listing=ORGANISM_LISTING)
        return self.organisms[name]

    def base(self, name: str, *, organism: str = "") -> BaseModelEntry:
        """The base model entry named ``name``, or the one in the YAML file ``name``.

        Args:
            name: its name, or its file.
            organism: the organism on it, by name or file. In the folder of an organism's file and
                in the parent folder, ``bases/*.yaml`` are searched too: first of all where the
                organism is given as a file, else for bases that have no name here.

        Raises:
            UnknownName: there is none.
            BadFile: the YAML is malformed.
        """
        if is_yaml_file(name):
            return read_base(Path(name))
        if is_yaml_file(organism):
            bases = {**self.bases, **_bases_beside(Path(organism))}
        elif organism in self.organism_files and name not in self.bases:
            bases = {**_bases_beside(self.organism_files[organism]), **self.bases}
        else:
            bases = dict(self.bases)
        if name not in bases:
            raise UnknownName("base model", name, bases, listing=BASE_LISTING)
        return bases[name]

    def bases_of(self, name: str, *, base: str | None = None) -> tuple[BaseModelEntry, ...]:
        """The bases of the organism ``name`` that are meant by ``base``.

        Args:
            name: name or file of the organism.
            base: name or file of a base, or ``*`` for every base that the organism is on; none is
                enough for an organism on one base only.

        Raises:
            UnknownName: there is no such organism, or it is not on that base.
            SeveralBases: the organism is on several bases, and none is named.
        """
        organism = self.organism(name)
        if base is not None and base != ALL:
            return (self._base_of(organism, name, base),)
        if not organism.models:
            what = f"The organism {organism.name!r} is on no base model."
            raise UserError(what, hint="Give it one in its YAML, under 'models'.")
        if base is None and len(organism.models) > 1:
            raise SeveralBases(organism.name, tuple(organism.models))
        return tuple(self.base(one, organism=name) for one in organism.models)

    def _base_of(self, organism: Organism, name: str, base: str) -> BaseModelEntry:
        """The entry of a base that is given by name or file, if the organism is on it."""
        entry = read_base(Path(base)) if is_yaml_file(base) else None
        chosen = entry.name if entry else base
        if chosen not in organism.models:
            raise UnknownName(f"base model of {organism.name!r}", chosen, organism.models)
        return entry or self.base(chosen, organism=name)

    def select(
        self, name: str, *, base: str | BaseModelEntry | None = None, variant: str | None = None
    ) -> SelectedPair:
        """One pair of the organism ``name``: by default its first base and variant."""
        found = {one.variant: one for one in self.variants(name, base=base)}
        picked = variant or ("default" if "default" in found else next(iter(found)))
        if picked not in found:
            one = next(iter(found.values()))
            kind = f"variant of {one.organism.name!r} on {one.base.name!r}"
            raise UnknownName(kind, picked, found)
        return found[picked]

    def variants(
        self, name: str, *, base: str | BaseModelEntry | None = None
    ) -> tuple[SelectedPair, ...]:
        """All pairs of the organism ``name`` on one base, by default its first.

        Args:
            name: name or file of the organism.
            base: name or file of the base, or its entry.

        Raises:
            UnknownName: there is no such organism, or it is not on that base.
            UserError: it has no variant there.
        """
        organism = self.organism(name)
        if isinstance(base, BaseModelEntry):
            entry = base
        else:
            entry = self._base_of(organism, name, base or next(iter(organism.models), ""))
        variants = organism.models.get(entry.name, {})
        if not variants:
            what = f"The organism {organism.name!r} has no variant on {entry.name!r}."
            raise UserError(what, hint="Give it one in its YAML, under 'models'.")
        return tuple(
            SelectedPair(organism, entry, variant, finetuned)
            for variant, finetuned in variants.items()
        )


def is_yaml_file(name: str) -> bool:
    """Whether an organism or a base is given as a YAML file, not as a name."""
    return name.endswith((".yaml", ".yml"))


def _bases_beside(organism: Path) -> dict[str, BaseModelEntry]:
    folders = (organism.parent, organism.resolve().parent.parent)
    files = (path for folder in folders for path in _files(folder, "bases"))
    return {base.name: base for base in map(read_base, files)}


def read_catalogue(places: Iterable[Path]) -> Catalogue:
    """Reads every organism and base of ``places``; a broken file gives one line.

    A name that two files define is left out, with a line that names both files.

    Args:
        places: folders with ``organisms/*.yaml``, ``bases/*.yaml`` and ``calibration/*.jsonl``; or
            single files of organisms and bases.
    """
    organisms: dict[str, Organism] = {}
    bases: dict[str, BaseModelEntry] = {}
    broken: list[str] = []
    places = tuple(places)
    base_files = _collect(_found(places, "bases"), read_base, bases, broken)
    organism_files = _collect(_found(places, "organisms"), read_organism, organisms, broken)
    tables = tuple(p for f in places for p in sorted(f.glob("calibration/*.jsonl")))
    return Catalogue(organisms, bases, tuple(broken), tables, organism_files, base_files)


def _found(places: Iterable[Path], kind: str) -> Iterator[Path]:
    """The files of one kind in ``places``, each once."""
    seen: set[Path] = set()
    for place in places:
        for file in _files(place, kind) if place.is_dir() else _of_kind(place, kind):
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _files(folder: Path, kind: str) -> list[Path]:
    return [path for path in sorted((folder / kind).glob("*")) if is_yaml_file(path.name)]


def _of_kind(file: Path, kind: str) -> list[Path]:
    """The file, if it is of that kind; one that cannot be read counts as an organism's."""
    try:
        found = kind_of_file(file)
    except BadFile:
        found = "organism"
    return [file] if (found == "base model") == (kind == "bases") else []


def kind_of_file(file: Path) -> str:
    """What a YAML file defines: ``organism`` or ``base model``.

    Raises:
        BadFile: the file is missing or malformed.
    """
    content = read_yaml(file)
    is_base = isinstance(content, Mapping) and "source" in content and "models" not in content
    return "base model" if is_base else "organism"


def _collect(
    paths: Iterable[Path], read: Callable[[Path], R], known: dict[str, R], broken: list[str]
) -> dict[str, Path]:
    """Reads files into ``known`` by name; gives the file of each name."""
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
                "Rename one, or leave one out: --no-plugin NAME turns a plugin off, "
                "`diffkit organisms remove PLACE` forgets a folder of yours."
            )
        else:
            first[record.name], known[record.name] = path, record
    return {name: first[name] for name in known}


def read_organism(path: Path) -> Organism:
    """Reads an organism's YAML and makes its paths absolute."""
    organism = read_record(path, Organism)
    models = {
        base: {
            name: _with_absolute_sources(finetuned, path) for name, finetuned in variants.items()
        }
        for base, variants in organism.models.items()
    }
    data = tuple((path.parent / file).resolve() for file in organism.training_data)
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
    place = (path.parent / Path(source.at).expanduser()).resolve()
    local = source.at.startswith((".", "~")) or place.exists()
    return source.model_copy(update={"at": str(place)}) if local else source
