"""Counts the modules that run between ``diffkit evaluate`` and a grade on the leaderboard.

Before the redesign of version 0.6 (commit 74588af) there were 146: 15 that only register plugins,
and 131 others.
"""

import importlib
import os
import sys
import tempfile
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from inspect import CO_OPTIMIZED
from io import StringIO
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from structure import PACKAGES

COMMAND = (
    "evaluate", "--organisms", "tiny-false-fact,tiny-obsession,tiny-trojan", "--methods", "kl",
    "--base", "tiny-qwen3", "--investigators", "lineup", "--graders", "lineup",
    "--texts-limit", "8",
)  # fmt: skip
"""A tiny evaluation of shipped models with the lineup investigator and the lineup grader."""
HOOKS = {
    f"register_{kind}s" for kind in ("method", "organism", "investigator", "grader", "generator")
}
"""Plugin hooks: every command that needs a name of a plugin calls all of them."""


def print_trace(root: Path, *, names: bool) -> None:
    """Runs the evaluation and prints how many modules executed a function.

    Args:
        root: checkout of the repository.
        names: whether to print the modules' names too.
    """
    codes, output = trace(root)
    if not output.endswith("exit status 0"):
        raise SystemExit(f"The evaluation failed:\n{output}")
    functions: dict[str, set[str]] = {}
    for code in codes:
        functions.setdefault(_module_name(code, root), set()).add(code.co_name)
    hooks = {name for name, own in functions.items() if own <= HOOKS}
    found = set(functions) - hooks
    print(f"{len(functions):>6}  modules that execute a function between evaluate and a grade")
    print(f"{len(hooks):>6}  of them only register plugins, which every listing does too")
    print(f"{len(found):>6}  others: what a reader of the path meets")
    for package, count in sorted(Counter(_folder(name) for name in found).items()):
        print(f"{count:>6}    in {package}")
    if names:
        _print_names("on the path", found)
        _print_names("registration only", hooks)


def _print_names(what: str, names: set[str]) -> None:
    print(f"\n{what}:", *(f"  {name}" for name in sorted(names)), sep="\n")


def _folder(name: str) -> str:
    return ".".join(name.split(".")[:2]) if name.count(".") > 1 else name.split(".", maxsplit=1)[0]


def trace(root: Path) -> tuple[set[CodeType], str]:
    """The functions of the packages that run during the evaluation, and what it prints.

    Functions that only importing a module calls, such as decorators, do not count.
    """
    sys.path[:0] = [str((root / folder).parent) for folder in PACKAGES.values()]
    os.environ |= {"HF_HUB_OFFLINE": "1", "COLUMNS": "120"}
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["diffkit"].partition(":")
    program = getattr(importlib.import_module(module), function)
    codes: set[CodeType] = set()
    output = StringIO()
    with tempfile.TemporaryDirectory() as store, _recorded(root, codes):
        sys.argv = ["diffkit", *COMMAND, "--store", store]
        with redirect_stdout(output), redirect_stderr(output):
            try:
                program()
            except SystemExit as exit_:
                output.write(f"\nexit status {exit_.code}")
    return codes, output.getvalue()


@contextmanager
def _recorded(root: Path, codes: set[CodeType]) -> Iterator[None]:
    """Adds the functions of the packages that run, in any thread, to ``codes``."""
    folders = tuple(f"{root / folder}{os.sep}" for folder in PACKAGES.values())
    foreign: set[CodeType] = set()

    def record(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event != "call" or code in codes or code in foreign:
            return
        if not (code.co_filename.startswith(folders) and code.co_flags & CO_OPTIMIZED):
            foreign.add(code)
        elif not _importing(frame, folders):
            codes.add(code)

    threading.setprofile(record)
    sys.setprofile(record)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


def _importing(frame: FrameType | None, folders: tuple[str, ...]) -> bool:
    """Whether the body of one of the modules is being executed."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "<module>" and code.co_filename.startswith(folders):
            return True
        frame = frame.f_back
    return False


def _module_name(code: CodeType, root: Path) -> str:
    path = Path(code.co_filename)
    for package, folder in PACKAGES.items():
        if path.is_relative_to(root / folder):
            parts = path.relative_to(root / folder).with_suffix("").parts
            return ".".join([package, *parts]).removesuffix(".__init__")
    raise ValueError(path)
