"""Checks the documents, and writes what is generated: ``python tools/docs/check.py [--write]``.

- generated pages are what the program says of itself today;
- every page of the site is in its navigation;
- every relative link of a page outside the site leads to a file (`make docs` checks those within);
- every hook has a heading in the page of hooks;
- the changelog's newest version is the package's;
- Python blocks compile, YAML and TOML blocks parse, and each ``diffkit …`` line in a shell block
  is a command with options that exist.
"""

import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from generated import GENERATED
from typer.main import get_command

from diffkit.cli.app import app
from diffkit.registry import hookspecs

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HOOKS = DOCS / "reference" / "hooks.md"
_FENCE = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """All documents."""
    return [*ROOT.glob("*.md"), *DOCS.glob("**/*.md"), *ROOT.glob("examples/*/*.md")]


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a page in a language."""
    return [block for _, found, block in _FENCE.findall(text) if found == language]


def faults() -> Iterator[str]:
    """Everything that is wrong, a line each."""
    for page, text_of in GENERATED.items():
        if page.read_text(encoding="utf-8") != text_of():
            name = page.relative_to(ROOT)
            yield f"{name} is not what the program says; run: python tools/docs/check.py --write"
    yield from _navigation_faults()
    yield from _hook_faults()
    yield from _version_faults()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(ROOT)
        yield from (
            f"{name}: {fault}" for fault in (*_link_faults(page, text), *_block_faults(text))
        )


def _navigation_faults() -> Iterator[str]:
    listed = set(_files(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]))
    there = {str(page.relative_to(DOCS)) for page in DOCS.glob("**/*.md")}
    for page in sorted(listed ^ there):
        yield f"mkdocs.yml: the navigation and docs/ differ in {page}"


def _files(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    else:
        for one in part.values() if isinstance(part, dict) else part:
            yield from _files(one)


def _hook_faults() -> Iterator[str]:
    headings = re.findall(r"^#+ `(\w+)`", HOOKS.read_text(encoding="utf-8"), re.MULTILINE)
    for hook in (name for name in vars(hookspecs) if name.startswith("register_")):
        if hook not in headings:
            yield f"{HOOKS.relative_to(ROOT)}: has no heading for the hook `{hook}`"


def _version_faults() -> Iterator[str]:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    if newest is None or newest[1] != version:
        yield f"CHANGELOG.md: its newest entry is not {version}"


def _link_faults(page: Path, text: str) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in link and not (page.parent / link).exists():
            yield f"the link {link} leads nowhere"


def _block_faults(text: str) -> Iterator[str]:
    for block in blocks(text, "python"):
        try:
            compile(block, "block", "exec")
        except SyntaxError as error:
            yield f"a Python block does not compile ({error.msg}): {error.text}"
    for language, parse, wrong in (
        ("yaml", yaml.safe_load, yaml.YAMLError),
        ("toml", tomllib.loads, tomllib.TOMLDecodeError),
    ):
        for block in blocks(text, language):
            try:
                parse(block)
            except wrong as error:
                yield f"a {language} block is malformed: {error}"
    for block in blocks(text, "sh"):
        yield from command_faults(block)


def command_faults(block: str) -> Iterator[str]:
    """What is wrong with the ``diffkit …`` lines of a shell block."""
    joined = re.sub(r"\\\n\s*", " ", block)
    for line in re.findall(r"^(?:PYTHONPATH=\S+ )?diffkit ([^\n]*)", joined, re.MULTILINE):
        words = shlex.split(line, comments=True)
        command: Any = get_command(app)
        options = _options(command)
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        if hasattr(command, "commands") and words[:1] not in ([], ["--version"], ["--help"]):
            yield f"`diffkit {line.strip()}` names no command"
        known = options | _options(command)
        for word in words:
            option = word.partition("=")[0]
            if option.startswith("--") and option not in known:
                yield f"`diffkit {line.strip()}` has no option {option}"


def _options(command: Any) -> set[str]:
    found = {name for param in command.params for name in getattr(param, "opts", ())}
    return found | {"--help"}


if __name__ == "__main__":
    if "--write" in sys.argv:
        for page, text_of in GENERATED.items():
            page.write_text(text_of(), encoding="utf-8")
    found = list(faults())
    sys.stderr.write("".join(f"{fault}\n" for fault in found))
    sys.exit(bool(found))
