"""The errors that diffkit raises on purpose.

    DiffkitError            a failure (exit 1)
    ├── RunFailed           a method, investigator or grader raised
    ├── Unavailable         a service that a plugin needs failed; says nothing about its subject
    ├── StoreError          the store cannot be read
    │   └── StoreUnwritable the store cannot be written; ends a sweep, as no run could be kept
    └── UserError           a mistake of the user's (exit 2)
        ├── UnknownName     no such method, organism, base, …; names the nearest
        ├── SeveralBases    an organism is on several bases, and none is named
        ├── Busy            another process does the same work now
        ├── BadOption       no such option, or a value that does not fit
        ├── NameClash       two plugins or folders have one name
        ├── MissingExtra    an optional dependency is not installed
        ├── BadFile         a file that cannot be used; names file, line and field
        ├── ChatRefused         a chat that a chat template refuses
        ├── BadModel        models, adapters or tokenizers that are unusable, or do not match
        │   └── NonFinite   a side gives NaN or infinity
        └── BadDevice       a device that is not there

Every message says what is wrong and with which value; ``hint`` says what to do next.
"""

import difflib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar


class DiffkitError(Exception):
    """An error that is shown in one line, without a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what} {self.hint}" if self.hint else self.what


class RunFailed(DiffkitError):
    """A plugin raised during a run; its traceback is in the store."""


class Unavailable(DiffkitError):
    """A service that a plugin needs cannot be used; no result follows from it."""


class StoreError(DiffkitError):
    """The store, or something in it, cannot be read."""


class StoreUnwritable(StoreError):
    """The store cannot be written."""


class UserError(DiffkitError):
    """A mistake of the user's."""

    exit_code: ClassVar[int] = 2


def one_line(error: BaseException) -> str:
    """The message of an error in one line, with the error's type unless it is diffkit's own.

    For a record that does not fit its model, it names the first field and its value.
    """
    pydantic = sys.modules.get("pydantic")  # not imported here, so that `diffkit --help` is fast
    if pydantic is not None and isinstance(error, pydantic.ValidationError):
        first = error.errors()[0]
        field = ".".join(map(str, (error.title, *first["loc"])))
        return f"{type(error).__name__}: {field}: {first['msg']}, got {first['input']!r:.60}"
    said = [line.rstrip() for line in str(error).strip().splitlines()[:1]]
    named = said if said and isinstance(error, DiffkitError) else [type(error).__name__, *said]
    return ": ".join(named)


def did_you_mean(name: str, known: Iterable[str], *, listing: str = "") -> str:
    """The nearest of the ``known`` names, and the command that lists them."""
    folded = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    hint = f"Did you mean {folded[near[0]]!r}?" if near else ""
    return " ".join(filter(None, [hint, f"List them with `{listing}`." if listing else ""]))


class UnknownName(UserError):
    """A name that nothing has."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, listing: str = "") -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        hint = did_you_mean(name, self.known, listing=listing)
        there = f"There are: {', '.join(self.known)}." if self.known and not listing else ""
        super().__init__(f"There is no {kind} named {name!r}.", hint=f"{hint} {there}".strip())


class SeveralBases(UserError):
    """An organism is on several base models, and nothing says which one is meant."""

    def __init__(self, organism: str, bases: tuple[str, ...]) -> None:
        self.organism, self.bases = organism, bases
        what = f"The organism {organism!r} is on several base models: {', '.join(bases)}."
        hint = f"Name one, such as --base {bases[0]} (in a suite, base: {bases[0]}); * means all."
        super().__init__(what, hint=hint)


class Busy(UserError):
    """Another process does the same work now."""


class BadOption(UserError):
    """An option that a plugin does not have, or a value that does not fit.

    Args:
        what: what is wrong, with the offending value.
        place: keys that lead to the option in a YAML; none where options do not fit together.
        hint: what to do next.
    """

    def __init__(self, what: str, place: tuple[str, ...], *, hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.place = place

    def within(self, *outer: str) -> "BadOption":
        """The same error for options that are nested in ``outer`` keys."""
        return BadOption(self.what, (*outer, *self.place), hint=self.hint)


class NameClash(UserError):
    """Two plugins, or two folders of organisms, have one name."""


class MissingExtra(UserError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, module: str, requirement: str) -> None:
        super().__init__(
            f"{what} needs the module {module!r}, which is not installed.",
            hint=f"Install it with: pip install '{requirement}'",
        )


class BadFile(UserError):
    """A file that cannot be used.

    Args:
        path: the file.
        what: what is wrong with it, with the offending value.
        line: 1-based line, where one is known.
        field: dotted name of the field, where one is known.
        hint: what to do next.
    """

    def __init__(
        self, path: Path, what: str, *, line: int | None = None, field: str = "", hint: str = ""
    ) -> None:
        place = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{place}: {field + ': ' if field else ''}{what}", hint=hint)


class ChatRefused(UserError):
    """A chat that a model's chat template refuses, or cannot write.

    Args:
        reason: why, in one line.
        messages: the chat: roles and contents.
    """

    def __init__(self, reason: str, messages: Iterable[Mapping[str, str]]) -> None:
        turns = list(messages)
        self.reason = reason.strip().rstrip(".")
        roles = ", ".join(str(turn.get("role")) for turn in turns)
        start = " ".join(str(turn.get("content")) for turn in turns)[:40]
        super().__init__(
            f"The chat template refuses the chat {start!r} ({self.reason}). Its turns: {roles}.",
            hint="Leave it out, or give it as a document or with other turns.",
        )


class BadModel(UserError):
    """Models, adapters or tokenizers that cannot be used or do not belong together."""


class NonFinite(BadModel):
    """A model whose outputs, gradients or weights are NaN or infinite; it names side and place."""


class BadDevice(UserError):
    """A device that this machine does not have."""

    def __init__(self, device: str) -> None:
        hint = "Take cpu, cuda, cuda:1, … or auto; `diffkit doctor` lists what there is."
        super().__init__(f"The device {device!r} cannot be used here.", hint=hint)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
