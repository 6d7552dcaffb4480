"""Which models the flags of `run` and `ask` mean: two for a method, one for a study."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diffkit.cli.state import state

if TYPE_CHECKING:
    from diffkit.cli.which import Which
    from diffkit.errors import UserError
    from diffkit.organism import BaseModelEntry
    from diffkit.registry import Spec
    from diffkit.runs.subject import ModelSpec, PairSpec


@dataclass(frozen=True)
class Chosen:
    """What a run looks at."""

    subject: "PairSpec | ModelSpec"
    texts: Path | None
    """Texts that come with the base."""


def chosen(spec: "Spec", which: "Which") -> Chosen:
    """The models that a run of ``spec`` looks at.

    Raises:
        UserError: the flags name another number of models than it looks at.
        UnknownName: there is no such organism, base or variant.
    """
    if spec.subject == "model":
        return _model(which)
    if which.organism and not which.finetuned:
        return _organism(which, which.organism)
    if which.base and which.finetuned and not (which.organism or which.variant):
        return _pair(which, which.base, which.finetuned)
    raise _not_two(which)


def _organism(which: "Which", organism: str) -> Chosen:
    from diffkit.runs.subject import PairSpec

    selected = state.catalogue.select(organism, base=which.base, variant=which.variant)
    base = selected.base
    dtype = which.dtype or base.dtype
    return Chosen(PairSpec(base.source, selected.finetuned, dtype, base.attention), base.texts)


def _pair(which: "Which", base: str, finetuned: str) -> Chosen:
    from diffkit.engine.load import recognise
    from diffkit.organism import Source
    from diffkit.runs.subject import PairSpec

    other = recognise(Source(at=finetuned))
    entry = _entry(base)
    dtype = which.dtype or entry.dtype
    return Chosen(PairSpec(entry.source, other, dtype, entry.attention), entry.texts)


def _model(which: "Which") -> Chosen:
    from diffkit.runs.subject import ModelSpec

    if which.organism or which.variant or which.finetuned or not which.base:
        raise _not_one(which)
    entry = _entry(which.base)
    dtype = which.dtype or entry.dtype
    return Chosen(ModelSpec(entry.source, dtype, entry.attention), entry.texts)


def _entry(base: str) -> "BaseModelEntry":
    """A listed base, or one by its place alone."""
    from diffkit.organism import BaseModelEntry, Source

    if base in state.catalogue.bases:
        return state.catalogue.base(base)
    return BaseModelEntry(name=base, source=Source(at=base))


def _not_two(which: "Which") -> "UserError":
    from diffkit.errors import UserError

    if which.base and not which.organism and not which.finetuned:
        what = f"The method {which.method!r} compares two models, and --base {which.base} is one."
        command = f"diffkit run {which.method} --base {which.base} --finetuned MODEL"
        return UserError(what, cure=f"Try: {command}")
    if which.variant and not which.organism:
        what = f"--variant {which.variant} is one of an organism's, and no organism is given."
        return UserError(what, cure="Add --organism NAME, or leave --variant out.")
    return UserError(
        "A run needs either --organism, or both --base and --finetuned.",
        cure="List organisms with `diffkit organisms list`.",
    )


def _not_one(which: "Which") -> "UserError":
    from diffkit.errors import UserError

    base = which.base or "MODEL"
    if which.organism and not which.base:
        base = state.catalogue.select(which.organism).base.name
    what = f"The study {which.method!r} looks at one model, given by --base alone."
    return UserError(what, cure=f"Try: diffkit run {which.method} --base {base}")
