"""What a spec of the registry of methods stands for: a method of pairs, or a study of one model."""

from typing import Any

from diffkit.errors import DiffkitError
from diffkit.method import DiffingMethod, Study
from diffkit.registry import Spec


def noun(spec: Spec) -> str:
    """What messages call it."""
    return "study" if spec.subject == "model" else "method"


def implementation_of(spec: Spec) -> DiffingMethod[Any] | Study[Any]:
    """An instance of the implementation, which looks at what the spec says.

    Raises:
        MissingExtra: a module that it needs is not installed.
        DiffkitError: it cannot be imported or made, or breaks the contract of its subject.
    """
    made: DiffingMethod[Any] | Study[Any] = spec.load()
    contract: type[Any] = Study if spec.subject == "model" else DiffingMethod
    kept = isinstance(made, contract)
    if not kept:
        what = f"The {noun(spec)} {spec.name!r} is no {contract.__name__} ({spec.implementation})."
        raise DiffkitError(what, cure="Ask the plugin's author, or leave it out.")
    return made
