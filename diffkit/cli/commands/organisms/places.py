"""``diffkit organisms add`` and ``remove``: folders and files of the user's own organisms."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.app_context import context

if TYPE_CHECKING:
    from diffkit.errors import UserError
    from diffkit.registry.catalogue import Catalogue

Place = Annotated[
    Path,
    typer.Argument(
        metavar="PLACE",
        help="Folder with organisms/ and bases/, or the YAML file of an organism or a base model.",
    ),
]


def add(place: Place) -> None:
    """Make your own organisms and base models known by name.

    Records the folder or file in your configuration; what is in it stays where it is.
    """
    from diffkit.cli.console import info, warn
    from diffkit.errors import UserError
    from diffkit.registry.catalogue import read_catalogue

    place = place.expanduser().resolve()
    if not place.exists():
        raise UserError(f"There is nothing at {str(place)!r}.", hint="Check the path.")
    added = read_catalogue([place])
    if added.broken:
        raise UserError(added.broken[0], hint="Nothing was added.")
    if not (added.organisms or added.bases):
        raise _nothing_in(place)
    _check_names_free(added)
    context.places.add(place)
    names = [*sorted(added.organisms), *(f"{base} (base model)" for base in sorted(added.bases))]
    info(f"Added {place}: {', '.join(names)}.")
    for warning in _missing_bases(added):
        warn(warning)
    if added.organisms:
        info(f"Next: diffkit organisms check {min(added.organisms)}")


def _nothing_in(place: Path) -> "UserError":
    from diffkit.errors import UserError

    parent = place.parent
    if place.name in {"organisms", "bases"} and any(place.glob("*.yaml")):
        hint = f"Add the folder above: diffkit organisms add {parent}"
        return UserError(f"{place} is inside of a folder of organisms.", hint=hint)
    hint = "Put organisms into organisms/NAME.yaml and base models into bases/NAME.yaml in it."
    return UserError(f"{place} holds no organisms and no base models.", hint=hint)


def _check_names_free(added: "Catalogue") -> None:
    """Refuses names that another file has.

    Raises:
        UserError: a name is taken.
    """
    from diffkit.errors import UserError

    known = context.catalogue
    for kind, new, old in (
        ("organism", added.organism_files, known.organism_files),
        ("base model", added.base_files, known.base_files),
    ):
        for name, file in new.items():
            if name in old and old[name].resolve() != file.resolve():
                what = f"{file}: {name!r} is the name of another {kind}, in {old[name]}."
                hint = "Nothing was added. Give yours another name in its YAML"
                if own := context.places.holding(old[name]):
                    raise UserError(what, hint=f"{hint}, or: diffkit organisms remove {own}")
                raise UserError(what, hint=f"{hint}.")


def _missing_bases(added: "Catalogue") -> Iterator[str]:
    """A warning for each base that organisms name and nothing defines."""
    from diffkit.errors import UnknownName

    for name, file in added.organism_files.items():
        for base in added.organisms[name].models:
            try:
                context.catalogue.base(base, organism=str(file))
            except UnknownName:
                yield (
                    f"{file}: its base model {base!r} is not known. Put a YAML of it into bases/, "
                    "or add it: diffkit organisms add FILE"
                )


def remove(
    place: Annotated[
        Path, typer.Argument(metavar="PLACE", help="Folder or file, as it was added.")
    ],
) -> None:
    """Forget a folder or file of your own organisms; nothing in it is touched."""
    from diffkit.cli.console import info

    place = place.expanduser().resolve()
    context.places.remove(place)
    info(f"Removed {place} from the list. Add it again: diffkit organisms add {place}")
