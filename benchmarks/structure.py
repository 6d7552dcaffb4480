"""Measures the structure of the source code: sizes, folders, imports and the length of a call path.

    python benchmarks/structure.py [--root FOLDER] [--list] [--trace]

Every figure is computed from the source files alone (`ast`). With ``--trace`` the program also runs
``diffkit evaluate`` on shipped organisms, in this process and into a temporary store, and counts
the modules that execute a function on the way to a grade on the leaderboard; the interpreter must
then find diffkit and its dependencies. ``--root`` names another checkout of the repository.
"""

import argparse
import ast
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

PACKAGES = {
    "diffkit": "diffkit",
    "diffkit_plugins": "plugins/diffkit_plugins",
    "diffkit_organisms": "organisms/diffkit_organisms",
    "diffkit_evaluators": "evaluators/diffkit_evaluators",
}
"""Folder of each import package, relative to the root."""
MAX_MODULES, MAX_ROOT_MODULES = 12, 16
"""Modules in a folder, ``__init__`` apart; the second is for the folder ``diffkit`` itself."""
MAX_LINES = 300
SMALL = 60
"""A module of at most this many lines with a single importer belongs in that importer."""


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    """Dotted name; a package's is that of its ``__init__``."""
    path: Path
    text: str
    stub: str = ""
    """Text of the ``.pyi`` file beside it, which lists what the module imports when it is used."""

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


Graph = Mapping[str, set[str]]
"""The modules that each module imports."""


def read_modules(root: Path) -> dict[str, Module]:
    """The modules of all packages by dotted name."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted((root / folder).rglob("*.py")):
            parts = [package, *path.relative_to(root / folder).with_suffix("").parts]
            name = ".".join(parts).removesuffix(".__init__")
            stub = path.with_suffix(".pyi")
            found[name] = Module(
                name, path, path.read_text(), stub.read_text() if stub.exists() else ""
            )
    return found


# Imports


def import_graph(modules: Mapping[str, Module], *, run_time: bool = False) -> Graph:
    """Imports between the modules.

    Args:
        modules: all modules.
        run_time: whether to leave out the imports that importing a module does not execute: those
            inside functions, under ``TYPE_CHECKING`` and in stubs.
    """
    return {
        name: {
            target
            for statement in _imports(module, run_time=run_time)
            for target in _targets(statement, module, modules)
            if target != name
        }
        for name, module in modules.items()
    }


Statement = ast.Import | ast.ImportFrom


def _imports(module: Module, *, run_time: bool) -> Iterator[Statement]:
    yield from _imports_in(module.tree, run_time=run_time)
    if not run_time:
        yield from _imports_in(ast.parse(module.stub), run_time=False)


def _imports_in(node: ast.AST, *, run_time: bool) -> Iterator[Statement]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Statement):
            yield child
        elif not (run_time and _is_deferred(child)):
            yield from _imports_in(child, run_time=run_time)


def _is_deferred(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def _targets(statement: Statement, module: Module, modules: Mapping[str, Module]) -> Iterator[str]:
    """The modules that a statement names; the packages above them are not counted."""
    if isinstance(statement, ast.Import):
        names = [(alias.name, alias.name) for alias in statement.names]
    else:
        source = _absolute(statement, module)
        names = [(f"{source}.{alias.name}", source) for alias in statement.names]
    for name, source in names:
        target = name if name in modules else source
        if target in modules:
            yield target


def _absolute(statement: ast.ImportFrom, module: Module) -> str:
    if not statement.level:
        return statement.module or ""
    above = module.package.split(".")
    above = above[: len(above) - statement.level + 1]
    return ".".join([*above, *([statement.module] if statement.module else [])])


def circles(graph: Graph) -> list[list[str]]:
    """Strongly connected components of more than one module (Tarjan 1972), largest first."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in sorted(graph[name]):
            if target not in index:
                visit(target)
            if target in stack:
                low[name] = min(low[name], low[target])
        if low[name] == index[name]:
            start = stack.index(name)
            found.append(sorted(stack[start:]))
            del stack[start:]

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return sorted((each for each in found if len(each) > 1), key=len, reverse=True)


def importers(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """The modules that import each module, stubs apart."""
    found: dict[str, set[str]] = {name: set() for name in modules}
    sources = {name: replace(module, stub="") for name, module in modules.items()}
    for name, targets in import_graph(sources).items():
        for target in targets:
            found[target].add(name)
    return found


def small_single_importer(modules: Mapping[str, Module]) -> dict[str, str]:
    """The importer of each module of at most `SMALL` lines that has one, packages apart."""
    found = importers(modules)
    return {
        name: next(iter(found[name]))
        for name, module in modules.items()
        if not module.is_package and module.lines <= SMALL and len(found[name]) == 1
    }


# Sizes


def full_folders(modules: Mapping[str, Module]) -> dict[str, int]:
    """Package folders with more modules than the limit."""
    counts: dict[str, int] = defaultdict(int)
    for module in modules.values():
        if not module.is_package:
            counts[module.package] += 1
    return {
        package: count
        for package, count in counts.items()
        if count > (MAX_ROOT_MODULES if package == "diffkit" else MAX_MODULES)
    }


def long_files(modules: Mapping[str, Module]) -> dict[str, int]:
    """Modules of more than `MAX_LINES` lines."""
    return {name: each.lines for name, each in modules.items() if each.lines > MAX_LINES}


def function_lengths(modules: Iterable[Module]) -> list[int]:
    """Lines of every function and method, from ``def`` to its last line."""
    return sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def files_under(modules: Mapping[str, Module], package: str) -> int:
    """Source files of a package and its subpackages."""
    return sum(name == package or name.startswith(f"{package}.") for name in modules)


def repeated_classes(modules: Mapping[str, Module]) -> dict[str, list[str]]:
    """Names of public classes that more than one module defines."""
    owners = defaultdict(list)
    for name, module in modules.items():
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                owners[node.name].append(name)
    return {name: where for name, where in owners.items() if len(where) > 1}


def figures(modules: Mapping[str, Module]) -> dict[str, object]:
    """The figures that are computed from the source, by what they are called."""
    lengths = function_lengths(modules.values())
    every, run_time = import_graph(modules), import_graph(modules, run_time=True)
    return {
        "files in the four packages": len(modules),
        "files in diffkit/evaluation": files_under(modules, "diffkit.evaluation"),
        "files in plugins": files_under(modules, "diffkit_plugins"),
        f"single-importer modules of at most {SMALL} lines": len(small_single_importer(modules)),
        f"folders of more than {MAX_MODULES} modules": len(full_folders(modules)),
        "import circles, type-only and local imports included": len(circles(every)),
        "import circles at run time": len(circles(run_time)),
        f"files of more than {MAX_LINES} lines": len(long_files(modules)),
        "names of public classes defined more than once": len(repeated_classes(modules)),
        "function length, median": int(statistics.median(lengths)),
        "function length, 90th percentile": lengths[int(0.9 * (len(lengths) - 1))],
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).resolve().parents[1]
    parser.add_argument("--root", type=Path, default=here, help="checkout of the repository")
    parser.add_argument("--trace", action="store_true", help="run and trace an evaluation too")
    parser.add_argument("--list", action="store_true", help="name what the figures count")
    options = parser.parse_args()
    modules = read_modules(options.root.resolve())
    for what, value in figures(modules).items():
        print(f"{value:>6}  {what}")
    if options.list:
        _print_lists(modules)
    if options.trace:
        from structure_trace import print_trace

        print_trace(options.root.resolve(), names=options.list)


def _print_lists(modules: Mapping[str, Module]) -> None:
    lists: dict[str, Iterable[object]] = {
        "single importer": [
            f"{name} ({'exported by its package' if modules[by].is_package else by})"
            for name, by in sorted(small_single_importer(modules).items())
        ],
        "full folders": sorted(full_folders(modules).items()),
        "circles": circles(import_graph(modules)),
        "circles at run time": circles(import_graph(modules, run_time=True)),
        "long files": sorted(long_files(modules).items()),
        "repeated classes": sorted(repeated_classes(modules).items()),
    }
    for what, names in lists.items():
        print(f"\n{what}:", *(f"  {name}" for name in names), sep="\n")


if __name__ == "__main__":
    main()
