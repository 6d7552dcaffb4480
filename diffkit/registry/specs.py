"""What plugins register, by name, and the rules for it.

Nothing of a plugin is imported before it is used.
"""

import importlib
import inspect
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from diffkit.errors import DiffkitError, MissingExtra, NameClash, UnknownName, one_line

if TYPE_CHECKING:
    from diffkit.method import DiffingMethod, Study

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
    blind_spot: str = ""
    """What its findings cannot tell, as it goes on after "It cannot tell"; shown with every run."""

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
            blind_spot=getattr(found, "blind_spot", ""),
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


_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PLAIN = (str, int, float, bool, Enum, Path, BaseModel, types.NoneType)
_CONTAINERS = (list, tuple, dict, set, frozenset, Mapping, Sequence, AbstractSet)
_UNIONS = (Union, types.UnionType, Annotated)


def check_words(name: object, summary: object, version: object) -> None:
    """Checks a name in kebab-case, a summary of one line and a version from 1 on.

    Raises:
        ValueError: one of them is not so; the message says which.
    """
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        msg = f"the name {name!r} is not in kebab-case, such as 'my-method'"
        raise ValueError(msg)
    if not (isinstance(summary, str) and summary.strip() and "\n" not in summary):
        msg = f"the summary of {name!r} is not one line: {summary!r}"
        raise ValueError(msg)
    if not (type(version) is int and version >= 1):
        msg = f"the version of {name!r} is {version!r}, not a whole number from 1 on"
        raise ValueError(msg)


def check_option_types(config: Any) -> None:
    """Checks that options have types that JSON can hold, since they are part of a run's key.

    Allowed are text, numbers, booleans, none, literals, enumerations, paths, records, option types
    of diffkit (`InputFile`, `ImportPath`), and lists, tuples, sets and mappings of these.

    Args:
        config: the class of options.

    Raises:
        TypeError: it is no pydantic model, or an option has another type; the message names it.
    """
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        msg = f"the options {config!r} are no MethodConfig"
        raise TypeError(msg)
    for name, option in config.model_fields.items():
        if not _is_json_type(option.annotation):
            shown = getattr(option.annotation, "__name__", option.annotation)
            msg = f"the option {name!r} has the type {shown}, which JSON cannot hold"
            raise TypeError(msg)


def _is_json_type(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    if origin is Annotated:
        return _is_json_type(get_args(annotation)[0])
    if origin in _UNIONS or origin in _CONTAINERS:
        return all(one is Ellipsis or _is_json_type(one) for one in get_args(annotation))
    if not isinstance(annotation, type):
        return annotation is None
    return issubclass(annotation, _PLAIN) or hasattr(annotation, "__get_pydantic_json_schema__")


def kind_noun(spec: Spec) -> str:
    """The word for it in messages."""
    return "study" if spec.subject == "model" else "method"


def load_implementation(spec: Spec) -> "DiffingMethod[Any] | Study[Any]":
    """An instance of the implementation, checked to be of the kind that the spec says.

    Raises:
        MissingExtra: a module that it needs is not installed.
        DiffkitError: it cannot be imported or made, or breaks the contract of its subject.
    """
    from diffkit.method import DiffingMethod, Study

    made: DiffingMethod[Any] | Study[Any] = spec.load()
    contract: type[Any] = Study if spec.subject == "model" else DiffingMethod
    kept = isinstance(made, contract)
    if not kept:
        named = f"The {kind_noun(spec)} {spec.name!r}"
        what = f"{named} is no {contract.__name__} ({spec.implementation})."
        raise DiffkitError(what, hint=ASK_AUTHOR)
    return made
