"""Finds words that the project does not use: ``python tools/words.py``.

Reads ``words.txt``: parts of names, turns of phrase, and texts that are exempt because they enter
prompts, keys or stored findings. Exit status 1 where anything is found.
"""

import ast
import fnmatch
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = (
    "diffkit",
    "plugins",
    "organisms",
    "evaluators",
    "examples",
    "benchmarks",
    "tools",
    "docs",
)
PAGES = ("*.md", "docs/**/*.md", "examples/**/*.md", "organisms/**/*.md", "**/templates/*.j2")
SPOKEN = frozenset({"help", "hint", "cure", "summary"})
"""Keyword arguments whose strings users read."""
_CODE = re.compile(r"``?[^`\n]+``?")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass
class Words:
    """What is banned, each with what to write instead, and what is exempt."""

    names: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    prose: list[tuple[re.Pattern[str], str]] = field(default_factory=list)
    frozen: list[tuple[str, re.Pattern[str]]] = field(default_factory=list)

    def exempt(self, path: str, text: str) -> bool:
        """Whether ``text`` of the file ``path`` must stay as it is."""
        return any(fnmatch.fnmatch(path, glob) and one.search(text) for glob, one in self.frozen)


def read_words(path: Path) -> Words:
    """The lists in ``path``."""
    words, section = Words(), ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        found, _, instead = (part.strip() for part in line.partition("->"))
        if section == "names":
            module = found.startswith("module ")
            (words.modules if module else words.names)[found.removeprefix("module ")] = instead
        elif section == "prose":
            words.prose.append((re.compile(found, re.IGNORECASE), instead))
        else:
            glob, _, pattern = line.partition(": ")
            words.frozen.append((glob, re.compile(pattern)))
    return words


def findings(words: Words) -> Iterator[str]:
    """Everything that is found, a line each."""
    for path in sources():
        where = str(path.relative_to(ROOT))
        yield from (f"{where}: {one}" for one in _in_source(path, where, words))
    for page in pages():
        where = str(page.relative_to(ROOT))
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            yield from (f"{where}:{number}: {one}" for one in in_prose(line, where, words))


def sources() -> list[Path]:
    """All Python files but tests."""
    found = [file for folder in SOURCES for file in sorted((ROOT / folder).rglob("*.py*"))]
    return [file for file in found if file.suffix in {".py", ".pyi"} and "tests" not in file.parts]


def pages() -> list[Path]:
    """All documents and page templates; the changelog's old entries are history."""
    found = {page for glob in PAGES for page in ROOT.glob(glob)}
    return sorted(page for page in found if page.name != "CHANGELOG.md" and not _ignored(page))


def _ignored(page: Path) -> bool:
    return any(part.startswith(".") or part in {"tests", "site"} for part in page.parts)


def _in_source(path: Path, where: str, words: Words) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    banned = {**words.names, **words.modules}
    for part in _parts(path.stem) & banned.keys():
        yield f"the module's name holds {part!r}; write {banned[part]}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for part in _parts(node.name) & words.names.keys():
                yield f"{node.lineno}: {node.name} holds {part!r}; write {words.names[part]}"
        for line, prose in _prose_of(node):
            yield from (f"{line}: {one}" for one in in_prose(prose, where, words))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from (f"{token.start[0]}: {one}" for one in in_prose(token.string, where, words))


def _parts(name: str) -> set[str]:
    return {part.lower() for part in _PART.findall(name)}


def _prose_of(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Docstrings of anything, attributes' too, and strings that users read."""
    strings: list[ast.AST] = []
    if isinstance(node, ast.Expr):
        strings = [node.value]
    elif isinstance(node, ast.keyword) and node.arg in SPOKEN:
        strings = [*ast.walk(node.value)]
    for part in strings:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.lineno, part.value


def in_prose(text: str, where: str, words: Words) -> Iterator[str]:
    """Banned turns of phrase in ``text``; what is quoted as code is exempt."""
    text = _CODE.sub("`", text)
    for pattern, instead in words.prose:
        for found in pattern.finditer(text):
            around = " ".join(text[max(0, found.start() - 30) : found.end() + 30].split())
            if not words.exempt(where, text):
                yield f"“{' '.join(found[0].split())}” in “…{around}…”; write {instead}"


if __name__ == "__main__":
    lines = list(findings(read_words(Path(__file__).with_name("words.txt"))))
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.exit(bool(lines))
