"""What the arguments of ``diffkit nulls make`` name: an organism, a recipe, or two models."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diffkit.cli.app_context import context

if TYPE_CHECKING:
    from diffkit.nulls.subject import NullSubject
    from diffkit.organism import BaseModelEntry
    from diffkit.training.recipe import Recipe


@dataclass(frozen=True)
class SubjectRequest:
    """What the arguments say."""

    target: str | None = None
    """Organism or recipe."""
    variant: str | None = None
    base: str | None = None
    finetuned: str | None = None
    recipe: Path | None = None
    dtype: str | None = None


def resolve_subject(which: SubjectRequest) -> "NullSubject":
    """The finetuning that nulls are made for.

    Raises:
        UserError: the arguments name none, or several.
        UnknownName: there is no such organism, recipe, base or variant.
        BadModel, BadFile: a file is missing or malformed.
    """
    from dataclasses import replace

    from diffkit.comparison import check_dtype
    from diffkit.training.recipe import read_recipe

    check_dtype(which.dtype)
    found = _resolve(which)
    if which.dtype:
        found = replace(found, base=found.base.model_copy(update={"dtype": which.dtype}))
    if which.recipe:
        found = replace(found, recipe=read_recipe(which.recipe))
    return found


def _resolve(which: SubjectRequest) -> "NullSubject":
    from diffkit.errors import UserError

    if which.target and not which.finetuned:
        if (recipe := _find_recipe(which.target)) is not None:
            return _of_recipe(which, recipe)
        return _of_organism(which, which.target)
    if which.base and which.finetuned and not (which.target or which.variant):
        return _of_pair(which.base, which.finetuned)
    raise UserError(
        "Nulls are made for either an organism or a recipe, or for both --base and --finetuned.",
        hint="List organisms with `diffkit organisms list`.",
    )


def _find_recipe(target: str) -> "Recipe | None":
    """The recipe that ``target`` names; none where it names an organism, or nothing."""
    from diffkit.cli.commands.organisms.training import recipe_file
    from diffkit.errors import UnknownName
    from diffkit.options.yaml_records import read_yaml
    from diffkit.registry.catalogue import is_yaml_file
    from diffkit.training.recipe import read_recipe

    if is_yaml_file(target):
        content = read_yaml(Path(target))
        is_recipe = isinstance(content, dict) and "start" in content and "models" not in content
        return read_recipe(Path(target)) if is_recipe else None
    if target in context.catalogue.organisms:
        return None
    try:
        return read_recipe(recipe_file(Path(target)))
    except UnknownName:
        return None


def _of_organism(which: SubjectRequest, name: str) -> "NullSubject":
    from diffkit.nulls.folder import file_name
    from diffkit.nulls.subject import NullSubject, changed_weights, recorded_recipe

    (base,) = context.catalogue.bases_of(name, base=which.base)
    selected = context.catalogue.select(name, base=base, variant=which.variant)
    finetuned = changed_weights(selected.finetuned, name)
    label = selected.organism.name
    if selected.variant != "default":
        label += f"-{selected.variant}"
    recipe = recorded_recipe(finetuned)
    return NullSubject(file_name(label), base, finetuned, recipe, name, selected.variant)


def _of_recipe(which: SubjectRequest, recipe: "Recipe") -> "NullSubject":
    from diffkit.errors import UserError
    from diffkit.nulls.folder import file_name
    from diffkit.nulls.subject import NullSubject
    from diffkit.organism import Adapter, FullModel, Source

    source = recipe.base
    if which.variant or source is None:
        what = "A recipe has no variants." if which.variant else "The recipe starts from no base."
        raise UserError(what, hint="Name an organism, or the recipe of a finetuning.")
    if not recipe.folder.is_dir():
        what = f"The recipe is not trained yet: there is no {str(recipe.folder)!r}."
        raise UserError(what, hint=f"Train it first: diffkit organisms train {which.target}")
    made = Source(at=str(recipe.folder.absolute()))
    lora = recipe.method.kind == "lora"
    finetuned: Adapter | FullModel = Adapter(source=made) if lora else FullModel(source=made)
    base = _known_base(source.at) if which.base is None else _base_entry(which.base)
    return NullSubject(file_name(recipe.folder.name), base, finetuned, recipe)


def _of_pair(base: str, finetuned: str) -> "NullSubject":
    from diffkit.engine.loading.loader import detect_kind
    from diffkit.nulls.folder import file_name
    from diffkit.nulls.subject import NullSubject, recorded_recipe
    from diffkit.organism import Source

    place = Path(finetuned).expanduser()
    at = str(place.absolute()) if place.exists() else finetuned
    other = detect_kind(Source(at=at))
    return NullSubject(
        file_name(Path(finetuned).name), _base_entry(base), other, recorded_recipe(other)
    )


def _base_entry(base: str) -> "BaseModelEntry":
    """The base of a name or a YAML file, or one by its place alone."""
    from diffkit.registry.catalogue import is_yaml_file

    if base in context.catalogue.bases or is_yaml_file(base):
        return context.catalogue.base(base)
    return _known_base(base)


def _known_base(at: str) -> "BaseModelEntry":
    """The known base at a place, or an entry of its own for it."""
    from diffkit.nulls.folder import file_name
    from diffkit.organism import BaseModelEntry, Source

    place = Path(at).expanduser()
    if place.exists():
        at = str(place.resolve())
    for entry in context.catalogue.bases.values():
        if entry.source == Source(at=at):
            return entry
    name = _free_name(file_name(Path(at).name), context.catalogue.bases)
    return BaseModelEntry(name=name, source=Source(at=at))


def _free_name(name: str, taken: "Iterable[str]") -> str:
    return name if name not in taken else _free_name(f"{name}-base", taken)
