"""Hints for names and options that are typed in the wrong place: each is a command to type next.

Takes an error and the arguments of the command. Gives the corrected command, if it is known.
"""

import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from diffkit.cli.app_context import context
from diffkit.errors import SeveralBases, UnknownName, UserError

_SHOW = {
    "method": "diffkit methods {}",
    "organism": "diffkit organisms show {}",
    "base model": "diffkit organisms list",
    "investigator": "diffkit investigators {}",
    "grader": "diffkit graders {}",
    "generator": "diffkit generators {}",
}
"""Kind of a name: the command that shows what has it."""


def hint_of_name(error: UnknownName, args: Sequence[str]) -> str:
    """A hint for a name that is of another kind, or several names in one; empty if it is neither.

    Args:
        error: the name that is not known.
        args: arguments of the command, without the program's name.
    """
    parts = error.name.replace(",", " ").split()
    if len(parts) > 1 and set(parts) <= set(error.known):
        return f"Separate names by commas. {_try(_replaced(args, error.name, [','.join(parts)]))}"
    for kind, names in _names().items():
        if kind != error.kind and error.name in names:
            article = "an" if kind[0] in "aeiou" else "a"
            return f"{error.name!r} is {article} {kind}. {_try(_command(kind, error, args))}"
    return ""


def _names() -> Mapping[str, Collection[str]]:
    """All names by kind."""
    host, catalogue = context.host, context.catalogue
    registered = {
        registry.kind: [entry.spec.name for entry in registry] for registry in host.registries
    }
    return {"organism": catalogue.organisms, "base model": catalogue.bases, **registered}


def _command(kind: str, error: UnknownName, args: Sequence[str]) -> Sequence[str]:
    """The command that was meant: ``error.name`` is of ``kind``, and stood for ``error.kind``."""
    if args[:1] in (["run"], ["ask"]) and error.kind == "method" and kind == "organism":
        given = _value(args, "--organism")
        if given is not None and given in _names()["method"]:
            swapped = _replaced(args, given, [error.name])
            return _replaced(swapped, error.name, [given], first=True)
        return [args[0], _some_method(), "--organism", error.name]
    if args[:1] == ["evaluate"] and {kind, error.kind} == {"method", "organism"}:
        flags = {"method": "--methods", "organism": "--organisms"}
        missing = "NAME" if kind == "method" else _some_method()
        return ["evaluate", flags[kind], error.name, flags[error.kind], missing]
    return shlex.split(_SHOW[kind].format(error.name))[1:]


def hint_of_model(flag: str, name: str, method: str, base: str | None = None) -> str:
    """A hint for a model that is an organism or, for ``--finetuned``, a base; else empty.

    Args:
        flag: the option that names the model.
        name: its value: a folder, a hub id, or mistakenly the name or file of something else.
        method: name of the method that is run.
        base: value of ``--base``.
    """
    kind = _kind_of_entry(name)
    if kind == "organism":
        on = ["--base", base] if base and _chooses(name, base) else []
        command = ["run", method, "--organism", name, *on]
        return f"{flag} {name}: {name!r} is an organism, not a model. {_try(command)}"
    if kind == "base model" and flag == "--finetuned":
        source = context.catalogue.base(name).source.at
        command = ["run", method, "--base", base or "MODEL", flag, source]
        return f"{flag} {name}: {name!r} is the entry of a base model. {_try(command)}"
    return ""


def _kind_of_entry(name: str) -> str:
    """What a name or a YAML file defines; empty for folders and hub ids.

    Raises:
        BadFile: the file is missing or malformed.
    """
    from diffkit.registry.catalogue import is_yaml_file, kind_of_file

    if is_yaml_file(name):
        return kind_of_file(Path(name))
    if Path(name).exists():
        return ""
    found = (("organism", context.catalogue.organisms), ("base model", context.catalogue.bases))
    return next((kind for kind, names in found if name in names), "")


def _chooses(organism: str, base: str) -> bool:
    """Whether a base is one of several that an organism is on, both by name or file."""
    try:
        chosen = context.catalogue.bases_of(organism, base=base)
    except UserError:
        return False
    return len(context.catalogue.organism(organism).models) > len(chosen)


def hint_of_bases(error: SeveralBases, args: Sequence[str]) -> str:
    """A hint for an organism on several bases, none of which is named.

    Args:
        error: the organism and its bases.
        args: arguments of the command.
    """
    first = error.bases[0]
    if "evaluate" not in args:
        return f"Name one in the suite, such as base: {first}"
    others = " or ".join(map(repr, ("all", *error.bases[1:])))
    return f"Name one; {others} works too. {_try([*args, '--base', first])}"


def hint_of_option(name: str, args: Sequence[str]) -> str:
    """A hint for an option of a method that is typed as an option of the command.

    Args:
        name: the unknown option, such as ``--max_tokens``.
        args: arguments of the command.
    """
    field = name.lstrip("-").replace("-", "_")
    if args[:1] in (["run"], ["ask"]):
        methods = [one for one in args[1:2] if one in _names()["method"]]
    elif args[:1] == ["evaluate"]:
        methods = (_value(args, "--methods") or "").split(",")
    else:
        return ""
    for method in methods:
        if method in _names()["method"] and field in _fields(method):
            prefix = f"methods.{method}." if args[0] == "evaluate" else ""
            corrected = _as_setting(args, name, f"{prefix}{field}")
            return f"It is an option of {method!r}. {_try(corrected)}"
    return ""


def hint_of_extra(word: str, args: Sequence[str]) -> str:
    """A hint for a word that the command does not take: an organism without its option."""
    if args[:1] in (["run"], ["ask"]) and word in context.catalogue.organisms:
        return f"{word!r} is an organism. {_try(_replaced(args, word, ['--organism', word]))}"
    return ""


def _fields(method: str) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = context.host.methods[method].load_config().model_fields
    return fields


def _some_method() -> str:
    methods = list(_names()["method"])
    return "kl" if "kl" in methods else methods[0]


def _value(args: Sequence[str], flag: str) -> str | None:
    for index, arg in enumerate(args):
        if arg == flag:
            return args[index + 1] if index + 1 < len(args) else None
        if arg.startswith(f"{flag}="):
            return arg.partition("=")[2]
    return None


def _as_setting(args: Sequence[str], flag: str, key: str) -> Sequence[str]:
    """``args`` with ``flag VALUE`` or ``flag=VALUE`` as ``--set key=VALUE``."""
    found: list[str] = []
    pending = iter(args)
    for arg in pending:
        if arg == flag:
            found += ["--set", f"{key}={next(pending, 'VALUE')}"]
        elif arg.startswith(f"{flag}="):
            found += ["--set", f"{key}={arg.partition('=')[2]}"]
        else:
            found.append(arg)
    return found


def _replaced(
    args: Sequence[str], word: str, others: Sequence[str], *, first: bool = False
) -> list[str]:
    """``args`` with the last ``word``, or the ``first``, replaced."""
    places = [index for index, arg in enumerate(args) if arg == word]
    if not places:
        return [arg.replace(word, " ".join(others)) for arg in args]
    place = places[0 if first else -1]
    return [*args[:place], *others, *args[place + 1 :]]


def _try(args: Sequence[str]) -> str:
    return f"Try: {shlex.join(['diffkit', *args])}"


def typed() -> list[str]:
    """The arguments that were typed."""
    return sys.argv[1:]
