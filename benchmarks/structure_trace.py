"""Counts the modules that run between ``diffkit evaluate`` and a grade on the leaderboard."""

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
    "--investigators", "lineup", "--graders", "lineup", "--texts-limit", "8",
)  # fmt: skip
"""A tiny evaluation of shipped models, which a lineup investigates and grades."""


def print_trace(root: Path, *, names: bool) -> None:
    """Runs the evaluation and prints how many modules executed a function.

    Args:
        root: checkout of the repository.
        names: whether to print the modules' names too.
    """
    found, output = trace(root)
    if not output.endswith("exit status 0"):
        raise SystemExit(f"The evaluation failed:\n{output}")
    print(f"{len(found):>6}  modules that execute a function on the way from evaluate to a grade")
    for package, count in sorted(Counter(_folder(name) for name in found).items()):
        print(f"{count:>6}    in {package}")
    if names:
        print(*(f"  {name}" for name in sorted(found)), sep="\n")


def _folder(name: str) -> str:
    return ".".join(name.split(".")[:2]) if name.count(".") > 1 else name.split(".", maxsplit=1)[0]


def trace(root: Path) -> tuple[set[str], str]:
    """The modules that execute a function during the evaluation, and what it prints.

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
    return {_module_name(code, root) for code in codes}, output.getvalue()


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
