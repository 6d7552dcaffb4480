"""What nulls are made for: a finetuning, its base, and the recipe that it was trained by."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from diffkit.datasets.text_sources import read_texts
from diffkit.errors import UserError
from diffkit.organism import Adapter, BaseModelEntry, Finetuned, FullModel
from diffkit.runs.spec import PairSpec
from diffkit.texts import Texts
from diffkit.training.output import RECORD
from diffkit.training.recipe import Recipe

NEUTRAL_TEXTS = 40
"""Number of neutral texts on which the mean KL is measured."""


@dataclass(frozen=True)
class NullSubject:
    """The finetuning that nulls are compared with."""

    name: str
    """Names of its nulls start with this."""
    base: BaseModelEntry
    finetuned: Adapter | FullModel
    recipe: Recipe | None = None
    """The recipe that trained nulls are trained by; none where there is none."""
    organism: str = ""
    """Name or file of the organism that it is; empty for a recipe's or two models."""
    variant: str = ""
    """Which variant of the organism."""

    def spec(self, finetuned: Finetuned) -> PairSpec:
        """The base with a null, or with the finetuning itself."""
        return PairSpec.of(self.base, finetuned)

    @property
    def neutral_texts(self) -> Texts:
        """Texts on which the mean KL is measured: the first of the base's own, or of the shipped.

        Raises:
            BadFile: the base's texts cannot be read.
        """
        return read_texts(self.base.texts, NEUTRAL_TEXTS)

    def needed_recipe(self, kind: str) -> Recipe:
        """The recipe, for a kind of null that is trained by it.

        Raises:
            UserError: there is none, or it trains a model from scratch.
        """
        if self.recipe is None:
            what = (
                f"Nulls of the kind {kind!r} are trained by the finetuning's own recipe, and "
                f"{str(self.finetuned.source.at)!r} has none: it holds no {RECORD}."
            )
            hint = "Give a recipe like that of the finetuning: --recipe FILE; or: --kind random."
            raise UserError(what, hint=hint)
        if self.recipe.base is None:
            what = "The recipe trains a model from scratch, and nulls are finetunings."
            raise UserError(what, hint="Give the recipe of a finetuning: --recipe FILE.")
        return self.recipe


def changed_weights(finetuned: Finetuned, name: str) -> Adapter | FullModel:
    """The finetuned side of an organism, if it is one that nulls can be made for.

    Raises:
        UserError: it is a null itself.
    """
    if isinstance(finetuned, Adapter | FullModel):
        return finetuned
    what = f"{name!r} is itself a null ({finetuned.kind}): there is no finetuning to match."
    raise UserError(what, hint="Name an organism whose variant is an adapter or a full model.")


def recorded_recipe(finetuned: Adapter | FullModel) -> Recipe | None:
    """The recipe that trained a folder of weights, as the folder says; none if it says none."""
    folder = Path(finetuned.source.at, finetuned.source.subfolder or "")
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        recipe = Recipe.model_validate(record["recipe"])
    except (OSError, ValueError, ValidationError, KeyError, TypeError):
        return None
    return recipe.model_copy(update={"root": _root(folder.resolve(), recipe.output)})


def _root(folder: Path, output: Path) -> Path:
    """A folder from which the relative path ``output`` leads to ``folder``.

    The recipe's own folder has an unknown name where ``output`` begins with ``..``; every name
    means the same.
    """
    if output.is_absolute():
        return folder.parent
    parts = output.parts
    above = sum(part == ".." for part in parts)
    root = folder
    for _ in range(len(parts) - above):
        root = root.parent
    return root.joinpath(*["recipes"] * above)
