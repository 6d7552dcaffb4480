"""``diffkit organisms train``: trains models and adapters by recipes."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diffkit.cli.app_context import context
from diffkit.cli.forecast import DryRun, print_training_forecasts
from diffkit.cli.options import Fresh

if TYPE_CHECKING:
    from diffkit.errors import Busy


def train(
    recipes: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECIPES", help="Recipe YAMLs, or names of known recipes; trained in turn."
        ),
    ],
    fresh: Fresh = False,
    dry_run: DryRun = False,
) -> None:
    """Train models or adapters by recipes; an interrupted training goes on.

    A recipe that another process is training is left to it (exit 1 if it is not done at the end).
    """
    from diffkit.cli.console import enable_logging, warn
    from diffkit.training import read_recipe
    from diffkit.training.stop_request import sigterm_as_interrupt

    if dry_run:
        print_training_forecasts(
            [read_recipe(recipe_file(recipe)) for recipe in recipes], fresh=fresh
        )
        return
    enable_logging()
    files = [recipe_file(recipe) for recipe in recipes]
    with sigterm_as_interrupt():
        busy = [recipe for recipe, _ in _train_all(files, fresh=fresh)]
        # Others may be done by now with what they were training, or may have stopped.
        left = list(_train_all(busy, fresh=False))
    for recipe, error in left:
        warn(f"{recipe} is left out: {error.what} The same command finds it when it is done.")
    if left:
        raise typer.Exit(1)


def recipe_file(recipe: Path) -> Path:
    """The file of a recipe: the one given, or ``recipes/NAME.yaml`` of a known folder.

    Raises:
        UnknownName: no known folder has such a recipe.
        NameClash: several have one.
    """
    from diffkit.errors import NameClash, UnknownName
    from diffkit.registry.catalogue import is_yaml_file

    name = str(recipe)
    if is_yaml_file(name) or recipe.exists():
        return recipe
    folders = [*context.host.folders, *context.places.all]
    known = [file for folder in folders for file in sorted(folder.glob("recipes/*.yaml"))]
    found = [file for file in known if file.stem == name]
    if not found:
        listing = f"ls {known[-1].parent}" if known else ""
        raise UnknownName("recipe", name, (file.stem for file in known), listing=listing)
    if len(found) > 1:
        what = f"Several recipes are named {name!r}: {', '.join(map(str, found))}."
        raise NameClash(what, hint="Give the file.")
    return found[0]


def _train_all(recipes: Sequence[Path], *, fresh: bool) -> "Iterator[tuple[Path, Busy]]":
    """Trains recipes in turn; yields those that another process is training."""
    from diffkit.cli.console import info, progress, status
    from diffkit.errors import Busy
    from diffkit.training import read_recipe
    from diffkit.training import train as carry_out

    for number, path in enumerate(recipes):
        recipe = read_recipe(path)
        try:
            trained = carry_out(recipe, progress=progress, status=status, fresh=fresh)
        except Busy as error:
            yield path, error
            continue
        except KeyboardInterrupt:
            if fresh:
                context.command = _command_to_continue(path, recipes[number + 1 :])
            raise
        info(f"{trained.folder}: final loss {trained.losses[-1]:.3f}, {trained.seconds:.0f} s.")


def _command_to_continue(stopped: Path, others: Sequence[Path]) -> str:
    """The command that continues a training begun with ``--fresh``, which would begin it again."""
    train = ["diffkit", "organisms", "train"]
    command = shlex.join([*train, str(stopped)])
    rest = shlex.join([*train, "--fresh", *map(str, others)])
    return f"{command} && {rest}" if others else command
