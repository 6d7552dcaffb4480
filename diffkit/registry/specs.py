"""What plugins register, by name. Nothing is imported before it is used."""

import importlib
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal

from diffkit.errors import DiffkitError, MissingExtra, NameClash, UnknownName, one_line
from diffkit.registry.contracts import check_option_types, check_words

_NO_OPTIONS = "diffkit.method:MethodConfig"


@dataclass(frozen=True)
class Spec:
    """What a plugin registers: a description of a class that is imported when it is used."""

    name: str
    """Unique among its kind, in kebab-case."""
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
    """Whether the implementation reads two models (`DiffingMethod`) or one (`Study`)."""

    @classmethod
    def of(cls, target: str) -> "Spec":
        """The spec of a class that describes itself.

        The class has ``name`` and ``version``, options in a nested class ``Config`` and, where it
        needs an extra, ``requires``. The summary is ``summary`` or the first line of its docstring.
        The module of the class is imported to read them, and must not import torch itself: imports
        of torch and transformers belong inside ``run``.

        Args:
            target: import target of the class, such as ``my_package:TopShift``.

        Raises:
            AttributeError: the class, or one of its attributes, is missing.
            TypeError, ValueError: an attribute is not as it must be; the message names it.
        """
        found = _import(target)
        summary = getattr(found, "summary", "") or inspect.getdoc(found) or ""
        has_config = isinstance(getattr(found, "Config", None), type)
        spec = cls(
            name=found.name,
            summary=summary.strip().partition("\n")[0].removesuffix("."),
            version=found.version,
            config=f"{target}.Config" if has_config else _NO_OPTIONS,
            implementation=target,
            requires=getattr(found, "requires", ""),
            subject=getattr(found, "subject", "pair"),
        )
        check_words(spec.name, spec.summary, spec.version)
        if has_config:
            check_option_types(found.Config)
        return spec

    def load_config(self) -> Any:
        """The options class.

        Raises:
            MissingExtra: a module that it needs is not installed.
            DiffkitError: it cannot be imported, or an option has a type that JSON cannot hold.
        """
        config = _import_target(self.config, self)
        try:
            check_option_types(config)
        except TypeError as error:
            what = f"{self.name!r} cannot be used: {error}."
            raise DiffkitError(what, hint=ASK_AUTHOR) from error
        return config

    def load(self) -> Any:
        """An instance of the implementation."""
        implementation = _import_target(self.implementation, self)
        try:
            return implementation()
        except (Exception, SystemExit) as error:
            raise _import_error(self.implementation, self, error) from error


ASK_AUTHOR = "Ask the plugin's author, or leave it out."


def _import(target: str) -> Any:
    module, _, names = target.partition(":")
    return reduce(getattr, names.split("."), importlib.import_module(module))


def _import_target(target: str, spec: Spec) -> Any:
    """The object at a target; an error of a plugin's module affects that plugin only."""
    try:
        return _import(target)
    except ModuleNotFoundError as error:
        missing = error.name or "?"
        raise MissingExtra(spec.name, missing, spec.requires or missing.split(".")[0]) from error
    except (Exception, SystemExit) as error:
        raise _import_error(target, spec, error) from error


def _import_error(target: str, spec: Spec, error: BaseException) -> DiffkitError:
    what = f"{spec.name!r} cannot be imported from {target!r} ({one_line(error)})."
    return DiffkitError(what, hint=ASK_AUTHOR)


@dataclass(frozen=True)
class RegisteredSpec:
    """A spec and the plugin it came from."""

    spec: Spec
    owner: str
    first_party: bool = False
    """Whether diffkit itself brings the plugin."""


@dataclass(frozen=True)
class Registry:
    """All specs of one kind. A name that two plugins claim is an error when it is used."""

    kind: str
    """Singular, for messages: ``method``, ``investigator``, ``grader``, ``generator``."""
    _entries: dict[str, list[RegisteredSpec]] = field(default_factory=dict)

    def add(self, spec: Spec, owner: str, *, first_party: bool = False) -> None:
        """Registers ``spec`` for the plugin ``owner``."""
        entry = RegisteredSpec(spec, owner, first_party)
        self._entries.setdefault(spec.name, []).append(entry)

    def clashes(self) -> Iterator[NameClash]:
        """An error for each name that several plugins registered."""
        for name, entries in sorted(self._entries.items()):
            if len(entries) > 1:
                yield self._clash(name, entries)

    def _clash(self, name: str, entries: Sequence[RegisteredSpec]) -> NameClash:
        owners = " and ".join(repr(entry.owner) for entry in entries)
        what = f"The plugins {owners} both register a {self.kind} named {name!r}."
        others = [entry.owner for entry in entries if not entry.first_party]
        return NameClash(
            what, hint=f"Turn one off: --no-plugin {(others or [entries[-1].owner])[-1]}"
        )

    def __iter__(self) -> Iterator[RegisteredSpec]:
        """Registered specs by name; a name clash yields one for each owner."""
        for name in sorted(self._entries):
            yield from self._entries[name]

    def __getitem__(self, name: str) -> Spec:
        """The spec named ``name``.

        Raises:
            UnknownName: nothing has that name.
            NameClash: two plugins registered it.
        """
        entries = self._entries.get(name, [])
        if not entries:
            raise UnknownName(self.kind, name, self._entries, listing=f"diffkit {self.kind}s")
        if len(entries) > 1:
            raise self._clash(name, entries)
        return entries[0].spec
