"""Recipes of trained nulls: benign finetunings and further seeds, by the organism's own recipe."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffkit.errors import UserError
from diffkit.nulls.benign_texts import count_texts, draw_texts
from diffkit.nulls.folder import NullFolder
from diffkit.nulls.subject import NullSubject
from diffkit.organism import Adapter, AdapterPair, Finetuned, FullModel, Source
from diffkit.texts import Texts
from diffkit.training.recipe import Recipe, TrainingData, read_recipe


def benign_recipes(
    subject: NullSubject, folder: NullFolder, texts: Texts, count: int
) -> tuple[Recipe, ...]:
    """Writes the recipes of benign nulls, and the texts of each.

    Each has the finetuning's own steps, rate and rank, its own seed, and its own draw of as many
    texts as the finetuning learnt from.

    Args:
        subject: what the nulls are for.
        folder: where they are made.
        texts: what the nulls learn from.
        count: number of nulls.
    """
    recipe = subject.needed_recipe("benign")
    size = count_texts(recipe)
    found = []
    for number in range(1, count + 1):
        name = f"{subject.name}-benign-{number:02}"
        folder.write_texts(name, draw_texts(texts, number, size))
        fields = _common_fields(recipe, name, recipe.seed + number)
        fields["data"] = [{"path": f"../data/{name}.jsonl"}]
        found.append(read_recipe(folder.write_recipe(name, fields)))
    return tuple(found)


def seed_recipes(subject: NullSubject, folder: NullFolder, count: int) -> tuple[Recipe, ...]:
    """Writes the recipes of the finetuning itself with other seeds.

    Raises:
        UserError: the finetuning is no adapter, or a file of its training data is missing.
    """
    recipe = subject.needed_recipe("seeds")
    check_seeds(subject, recipe)
    found = []
    for number in range(1, count + 1):
        name = f"{subject.name}-seed-{number:02}"
        fields = _common_fields(recipe, name, recipe.seed + number)
        fields["data"] = [_placed(data, recipe.root) for data in recipe.data]
        found.append(read_recipe(folder.write_recipe(name, fields)))
    return tuple(found)


def check_seeds(subject: NullSubject, recipe: Recipe) -> None:
    """Refuses a finetuning that cannot be trained again with another seed.

    Raises:
        UserError: the finetuning is no adapter, or a file of its training data is missing.
    """
    if not isinstance(subject.finetuned, Adapter):
        what = "Seed pairs compare two adapters, and the finetuning is a full model."
        raise UserError(what, hint="Take another kind: --kind benign.")
    for data in recipe.data:
        place = data.place(recipe.root)
        if place is not None and not place.exists():
            what = (
                f"The training data {str(place)!r} are not there, so no other seed can be trained."
            )
            raise UserError(what, hint="Bring them back; or: --kind benign.")


def _common_fields(recipe: Recipe, name: str, seed: int) -> dict[str, Any]:
    """The fields of a recipe for another output and seed; its data are to be added."""
    fields = recipe.model_dump(mode="json", exclude_none=True, exclude={"data"})
    base = recipe.base
    assert base is not None  # noqa: S101 - held by `NullSubject.needed_recipe`
    return {**fields, "output": f"../weights/{name}", "start": {"base": base.at}, "seed": seed}


def _placed(data: TrainingData, root: Path) -> dict[str, Any]:
    """Training data with an absolute path."""
    fields = data.model_dump(mode="json", exclude_none=True)
    place = data.place(root)
    if place is None:
        return fields
    if data.path is not None:
        return {**fields, "path": str(place.absolute())}
    return {**fields, "dataset": {**fields["dataset"], "at": str(place.absolute())}}


def trained_sides(subject: NullSubject, recipes: Sequence[Recipe], kind: str) -> list[Finetuned]:
    """How the finetuned side of each trained null is made."""
    sources = [Source(at=str(recipe.folder.absolute())) for recipe in recipes]
    if kind == "seeds":
        assert isinstance(subject.finetuned, Adapter)  # noqa: S101 - held by `check_seeds`
        first = subject.finetuned
        return [AdapterPair(first=first, second=Adapter(source=source)) for source in sources]
    if recipes[0].method.kind == "lora":
        return [Adapter(source=source) for source in sources]
    return [FullModel(source=source) for source in sources]
