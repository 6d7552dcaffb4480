"""Implementations of registered methods and studies, checked against their contract."""

from typing import Any

from diffkit.errors import DiffkitError
from diffkit.method import DiffingMethod, Study
from diffkit.registry.specs import ASK_AUTHOR, Spec


def kind_noun(spec: Spec) -> str:
    """The word for it in messages."""
    return "study" if spec.subject == "model" else "method"


def load_implementation(spec: Spec) -> DiffingMethod[Any] | Study[Any]:
    """An instance of the implementation, checked to be of the kind that the spec says.

    Raises:
        MissingExtra: a module that it needs is not installed.
        DiffkitError: it cannot be imported or made, or breaks the contract of its subject.
    """
    made: DiffingMethod[Any] | Study[Any] = spec.load()
    contract: type[Any] = Study if spec.subject == "model" else DiffingMethod
    kept = isinstance(made, contract)
    if not kept:
        named = f"The {kind_noun(spec)} {spec.name!r}"
        what = f"{named} is no {contract.__name__} ({spec.implementation})."
        raise DiffkitError(what, hint=ASK_AUTHOR)
    return made
