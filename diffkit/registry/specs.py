"""What plugins register, by name. Nothing is imported before it is used."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from diffkit.errors import DiffkitError, MissingExtra, NameClash, UnknownName, one_line
from diffkit.method import DiffingMethod, Study


@dataclass(frozen=True)
class Spec:
    """What a plugin registers: cheap words about something that is imported on use."""

    name: str
    """Unique among its kind."""
    summary: str
    """One line."""
    version: int
    """Raised by the author whenever the same inputs may give another result."""
    config: str
    """Import target (``module:name``) of the options, a `MethodConfig`; must not import torch."""
    implementation: str
    """Import target of the class."""
    requires: str = ""
    """What to ``pip install`` when a module is missing, such as ``diffkit[vllm]``."""
    subject: Literal["pair", "model"] = "pair"
    """What the implementation looks at: two models (`DiffingMethod`), or one (`Study`)."""

    def load_config(self) -> Any:
        """The options class."""
        return _import_target(self.config, self)

    def load(self) -> Any:
        """An instance of the implementation."""
        implementation = _import_target(self.implementation, self)
        try:
            return implementation()
        except (Exception, SystemExit) as error:
            raise _import_error(self.implementation, self, error) from error


def _import_target(target: str, spec: Spec) -> Any:
    """What a target names; whatever a plugin's module raises costs that plugin alone."""
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        missing = error.name or "?"
        raise MissingExtra(spec.name, missing, spec.requires or missing.split(".")[0]) from error
    except (Exception, SystemExit) as error:
        raise _import_error(target, spec, error) from error


def _import_error(target: str, spec: Spec, error: BaseException) -> DiffkitError:
    what = f"{spec.name!r} cannot be imported from {target!r} ({one_line(error)})."
    return DiffkitError(what, hint="Ask the plugin's author, or leave it out.")


@dataclass(frozen=True)
class RegisteredSpec:
    """A spec and the plugin it came from."""

    spec: Spec
    owner: str


@dataclass(frozen=True)
class Registry:
    """All specs of one kind. A name that two plugins claim is an error when it is used."""

    kind: str
    """Singular, for messages: ``method``, ``investigator``, ``grader``, ``generator``."""
    _entries: dict[str, list[RegisteredSpec]] = field(default_factory=dict)

    def add(self, spec: Spec, owner: str) -> None:
        """Registers ``spec`` for the plugin ``owner``."""
        self._entries.setdefault(spec.name, []).append(RegisteredSpec(spec, owner))

    def __iter__(self) -> Iterator[RegisteredSpec]:
        """Entries by name; a clash yields one for each owner."""
        for name in sorted(self._entries):
            yield from self._entries[name]

    def __getitem__(self, name: str) -> Spec:
        """The spec called ``name``.

        Raises:
            UnknownName: nothing has that name.
            NameClash: two plugins registered it.
        """
        entries = self._entries.get(name, [])
        if not entries:
            raise UnknownName(self.kind, name, self._entries, listing=f"diffkit {self.kind}s")
        if len(entries) > 1:
            owners = " and ".join(repr(entry.owner) for entry in entries)
            what = f"The plugins {owners} both register a {self.kind} named {name!r}."
            raise NameClash(what, hint=f"Turn one off: --no-plugin {entries[-1].owner}")
        return entries[0].spec


def kind_noun(spec: Spec) -> str:
    """What messages call it."""
    return "study" if spec.subject == "model" else "method"


def load_implementation(spec: Spec) -> DiffingMethod[Any] | Study[Any]:
    """An instance of the implementation, which looks at what the spec says.

    Raises:
        MissingExtra: a module that it needs is not installed.
        DiffkitError: it cannot be imported or made, or breaks the contract of its subject.
    """
    made: DiffingMethod[Any] | Study[Any] = spec.load()
    contract: type[Any] = Study if spec.subject == "model" else DiffingMethod
    kept = isinstance(made, contract)
    if not kept:
        what = f"The {kind_noun(spec)} {spec.name!r} is no {contract.__name__}"
        what = f"{what} ({spec.implementation})."
        raise DiffkitError(what, hint="Ask the plugin's author, or leave it out.")
    return made
