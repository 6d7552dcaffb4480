"""``diffkit doctor``: checks the installation."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Annotated

import typer

from diffkit.cli.app_context import context

LIBRARIES = ("diffkit", "torch", "transformers", "peft", "nnsight", "pluggy", "pydantic")

OPTIONAL = {"torchvision": "not needed; on a CPU torch it can break transformers"}


def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check the installation (exit 1 if something is wrong)."""
    from diffkit.cli.console import print_json, print_table

    checks = [*_libraries(), *_machine(), *_plugins(), _store()]
    if json:
        print_json([{"what": w, "found": f, "ok": ok} for w, f, ok in checks])
    else:
        rows = [("ok" if ok else "WRONG", what, found) for what, found, ok in checks]
        print_table("diffkit doctor", ("", "what", "found"), rows)
    if not all(ok for _, _, ok in checks):
        raise typer.Exit(1)


def _libraries() -> list[tuple[str, str, bool]]:
    found = [("python", platform.python_version(), sys.version_info >= (3, 11))]
    for name in LIBRARIES:
        try:
            found.append((name, version(name), True))
        except PackageNotFoundError:
            found.append((name, f"missing: pip install {name}", False))
    found += [(n, f"{version(n)}: {why}", True) for n, why in OPTIONAL.items() if find_spec(n)]
    return found


def _machine() -> list[tuple[str, str, bool]]:
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    device = ", ".join(torch.cuda.get_device_name(i) for i in range(gpus)) or "none; CPU is used"
    return [("threads", str(torch.get_num_threads()), True), ("GPU", device, True)]


def _plugins() -> list[tuple[str, str, bool]]:
    host = context.host
    loaded = [(f"plugin {plugin.name}", ", ".join(plugin.hooks), True) for plugin in host.plugins]
    broken = [(f"plugin {plugin.name}", plugin.error, False) for plugin in host.broken]
    clashes = [error for registry in host.registries for error in registry.clashes()]
    return loaded + broken + [("name clash", str(error), False) for error in clashes]


def _store() -> tuple[str, str, bool]:
    from diffkit.errors import StoreError

    try:
        count = sum(1 for _ in context.store.runs())
    except StoreError as error:
        return ("store", str(error), False)
    return ("store", f"{context.store_folder}: {count} finished runs", True)
