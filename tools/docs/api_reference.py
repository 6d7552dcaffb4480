"""The page of the Python API: signatures and docstrings of all public names, from the source."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from markup import markdown

ROOT = Path(__file__).parents[2]
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Methods": ("method", "context", "checkpoints", "tool"),
    "Findings": ("findings", "plain_text"),
    "Comparing and reading": ("comparison", "records", "runs"),
    "Models": ("engine", "sampling"),
    "Texts and organisms": ("texts", "organism"),
    "Options and plugins": ("options", "registry", "errors"),
    "Investigators": ("investigator", "case", "verdict"),
    "Graders": ("grader",),
    "Generators": ("generator",),
    "Language models": ("chat",),
}
"""Heading → the modules of `diffkit` whose public names it shows."""
PACKAGES = ("diffkit.analysis", "diffkit.maths", "diffkit.statistics", "diffkit.testing")
"""Public packages, each with a heading of its own."""
FIXTURES = "diffkit.testing.fixtures"


@dataclass(frozen=True)
class PublicName:
    """A public name and the module that defines it."""

    name: str
    module: str


def api_page() -> str:
    """The whole page."""
    parts = [
        "# Python API\n",
        "Generated from the source by `python tools/docs/check.py --write`.\n",
        "Names of the first sections are imported from `diffkit`, the others from the package in "
        "the heading. Other modules are internal and may change.\n",
    ]
    shown = set()
    public = _names_of("diffkit", ROOT / "diffkit" / "__init__.pyi")
    for heading, modules in GROUPS.items():
        prefixes = tuple(f"diffkit.{module}" for module in modules)
        here = [one for prefix in prefixes for one in public if _within(one.module, (prefix,))]
        shown |= {one.name for one in here}
        parts += [f"## {heading}\n", *map(_entry, here)]
    analysis = {one.name for one in public if _within(one.module, PACKAGES)}
    if missing := sorted({one.name for one in public} - shown - analysis):
        msg = f"public names without a group in tools/docs/api_reference.py: {missing}"
        raise AssertionError(msg)
    for package in PACKAGES:
        init = ROOT / package.replace(".", "/") / "__init__.py"
        text = ast.get_docstring(_tree(init)) or ""
        here = _names_of(package, init)
        parts += [f"## `{package}`\n", f"{markdown(text)}\n", *map(_entry, here)]
    parts += ["## Fixtures for tests\n", *map(_entry, _fixtures())]
    return "\n".join(parts)


def _within(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in prefixes)


def _tree(path: Path) -> ast.Module:
    return _Unquoted().visit(ast.parse(path.read_text(encoding="utf-8")))  # type: ignore[no-any-return]


class _Unquoted(ast.NodeTransformer):
    """Writes annotations without the quotes that keep imports away."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Of a parameter."""
        node.annotation = _unquoted(node.annotation)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        """Of an attribute."""
        node.annotation = _unquoted(node.annotation) or node.annotation
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Of a result."""
        node.returns = _unquoted(node.returns)
        self.generic_visit(node)
        return node


def _unquoted(annotation: ast.expr | None) -> ast.expr | None:
    match annotation:
        case ast.Constant(value=str() as text):
            return ast.parse(text.strip(), mode="eval").body
        case _:
            return annotation


def _names_of(package: str, init: Path) -> list[PublicName]:
    """The names in ``__all__`` of a package, with the modules that they are imported from."""
    tree = _tree(init)
    modules = {
        alias.asname or alias.name: f"{package}.{node.module}" if node.level else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    (names,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    order = list(modules)
    return [PublicName(name, modules[name]) for name in sorted(names, key=order.index)]


def _fixtures() -> Iterator[PublicName]:
    for node in _tree(_path(FIXTURES)).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield PublicName(node.name, FIXTURES)


def _path(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _entry(public: PublicName) -> str:
    """Heading, signature and docstring of one name."""
    body = _tree(_path(public.module)).body
    for node, following in zip(body, [*body[1:], ast.Pass()], strict=True):
        match node:
            case ast.ClassDef(name=public.name):
                return _class(node)
            case ast.FunctionDef(name=public.name):
                return _section(f"### `{node.name}`", _signature(node), ast.get_docstring(node))
            case ast.Assign() | ast.AnnAssign() if public.name in _targets(node):
                return _section(f"### `{public.name}`", ast.unparse(node), _string(following))
    for node in body:  # imported there from elsewhere
        if isinstance(node, ast.ImportFrom) and any(a.name == public.name for a in node.names):
            package = public.module.rpartition(".")[0]
            module = f"{package}.{node.module}" if node.level else str(node.module)
            return _entry(PublicName(public.name, module))
    msg = f"{public.module} does not define {public.name}"
    raise AssertionError(msg)


def _targets(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return {ast.unparse(one) for one in targets}


def _string(node: ast.AST) -> str:
    """The docstring that follows an attribute."""
    match node:
        case ast.Expr(value=ast.Constant(value=str() as text)):
            return text
        case _:
            return ""


def _section(heading: str, signature: str, docstring: str | None) -> str:
    return f"{heading}\n\n```py\n{signature}\n```\n\n{markdown(docstring or '')}\n"


def _signature(node: ast.FunctionDef, indent: str = "") -> str:
    """``def name(…) -> type``, with one argument in a line where it is long."""
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    whole = f"{indent}def {node.name}({ast.unparse(node.args)}){result}"
    if len(whole) <= 88:
        return whole
    arguments = "".join(f"    {one},\n" for one in _arguments(node.args))
    return f"def {node.name}(\n{arguments}){result}"


def _arguments(node: ast.arguments) -> Iterator[str]:
    """Each argument as it is written."""
    positional = [*node.posonlyargs, *node.args]
    missing = len(positional) - len(node.defaults)
    for one, default in zip(positional, [None] * missing + node.defaults, strict=True):
        yield _argument(one, default)
    if node.vararg:
        yield f"*{_argument(node.vararg, None)}"
    elif node.kwonlyargs:
        yield "*"
    for one, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        yield _argument(one, default)
    if node.kwarg:
        yield f"**{_argument(node.kwarg, None)}"


def _argument(node: ast.arg, default: ast.expr | None) -> str:
    text = ast.unparse(node)
    equals = " = " if node.annotation else "="
    return text if default is None else f"{text}{equals}{ast.unparse(default)}"


def _class(node: ast.ClassDef) -> str:
    bases = ", ".join(map(ast.unparse, node.bases))
    declared = f"class {node.name}({bases})" if bases else f"class {node.name}"
    parts = [_section(f"### `{node.name}`", declared, ast.get_docstring(node))]
    if fields := "".join(_fields(node)):
        parts.append(f"{fields}\n")
    parts += _methods(node)
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """One list item for each public attribute of the class."""
    for one, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
        if isinstance(one, ast.AnnAssign | ast.Assign):
            name = ast.unparse(one.target if isinstance(one, ast.AnnAssign) else one.targets[0])
            if name.startswith("_") or name == "model_config":
                continue
            text = " ".join(markdown(_string(following)).split())
            yield f"- `{ast.unparse(one)}`{f': {text}' if text else ''}\n"


def _methods(node: ast.ClassDef) -> Iterator[str]:
    for one in node.body:
        if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"):
            decorators = {ast.unparse(decorator) for decorator in one.decorator_list}
            heading = f"#### `{node.name}.{one.name}`"
            signature = _signature(one)
            if "property" in decorators:
                returns = ast.unparse(one.returns) if one.returns else "Any"
                signature = f"{one.name}: {returns}"
            yield _section(heading, signature, ast.get_docstring(one))
