"""All organisms and bases that plugins registered, found by name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from diffkit.errors import BadFile, UnknownName
from diffkit.organism import BaseModelEntry, Finetuned, Organism, Source
from diffkit.yamls import read_record

LISTING = "diffkit organisms list"
R = TypeVar("R", Organism, BaseModelEntry)


@dataclass(frozen=True)
class Selected:
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

    def organism(self, name: str) -> Organism:
        """The organism called ``name``, or the one in the YAML file ``name``.

        Raises:
            UnknownName: there is none.
            BadFile: the YAML is malformed.
        """
        if is_file(name):
            return read_organism(Path(name))
        if name not in self.organisms:
            raise UnknownName("organism", name, self.organisms, listing=LISTING)
        return self.organisms[name]

    def base(self, name: str, *, organism: str = "") -> BaseModelEntry:
        """The base model entry called ``name``.

        Args:
            name: its name.
            organism: the organism that asks; where it is a file, ``bases/*.yaml`` in its folder
                and in the one above count too.
        """
        bases = {**self.bases, **(_bases_near(Path(organism)) if is_file(organism) else {})}
        if name not in bases:
            raise UnknownName("base model", name, bases, listing=LISTING)
        return bases[name]

    def select(self, name: str, *, base: str | None = None, variant: str | None = None) -> Selected:
        """One pair of the organism ``name``: by default its first base and variant."""
        organism = self.organism(name)
        chosen = base or next(iter(organism.models))
        if chosen not in organism.models:
            raise UnknownName(f"base model of {organism.name!r}", chosen, organism.models)
        variants = organism.models[chosen]
        picked = variant or ("default" if "default" in variants else next(iter(variants)))
        if picked not in variants:
            raise UnknownName(f"variant of {organism.name!r} on {chosen!r}", picked, variants)
        return Selected(organism, self.base(chosen, organism=name), picked, variants[picked])


def is_file(organism: str) -> bool:
    """Whether what is given as an organism is a YAML file rather than a name."""
    return organism.endswith((".yaml", ".yml"))


def _bases_near(organism: Path) -> dict[str, BaseModelEntry]:
    folders = (organism.parent, organism.resolve().parent.parent)
    files = (path for folder in folders for path in sorted(folder.glob("bases/*.yaml")))
    return {base.name: base for base in map(read_base, files)}


def read_catalogue(folders: Iterable[Path]) -> Catalogue:
    """Reads every organism and base below ``folders``; a broken file costs one line.

    A name that two files claim is left out, with a line that names both: which one was meant
    cannot be known.
    """
    organisms: dict[str, Organism] = {}
    bases: dict[str, BaseModelEntry] = {}
    broken: list[str] = []
    folders = tuple(folders)
    _collect((p for f in folders for p in sorted(f.glob("bases/*.yaml"))), read_base, bases, broken)
    paths = (p for f in folders for p in sorted(f.glob("organisms/*.yaml")))
    _collect(paths, read_organism, organisms, broken)
    return Catalogue(organisms, bases, tuple(broken))


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
    """An organism's YAML, its paths made absolute."""
    organism = read_record(path, Organism)
    models = {
        base: {name: _located(finetuned, path) for name, finetuned in variants.items()}
        for base, variants in organism.models.items()
    }
    data = tuple(path.parent / file for file in organism.training_data)
    return organism.model_copy(update={"models": models, "training_data": data})


def read_base(path: Path) -> BaseModelEntry:
    """A base model's YAML, its paths made absolute."""
    base = read_record(path, BaseModelEntry)
    texts = (path.parent / base.texts).resolve() if base.texts else None
    return base.model_copy(update={"source": _absolute(base.source, path), "texts": texts})


def _located(finetuned: Any, path: Path) -> Any:
    if "of" in type(finetuned).model_fields:
        return finetuned.model_copy(update={"of": _located(finetuned.of, path)})
    if "source" in type(finetuned).model_fields:
        return finetuned.model_copy(update={"source": _absolute(finetuned.source, path)})
    return finetuned


def _absolute(source: Source, path: Path) -> Source:
    """A path that starts with a dot, or that exists beside the YAML, is meant relative to it."""
    place = (path.parent / source.at).resolve()
    local = source.at.startswith(".") or place.exists()
    return source.model_copy(update={"at": str(place)}) if local else source
