"""Loads plugins from entry points, one at a time: a broken plugin does not stop the others."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from diffkit.errors import one_line
from diffkit.registry import hookspecs
from diffkit.registry.specs import Registry, Spec, check_words

GROUP = "diffkit"

DISABLE = "DIFFKIT_DISABLE_PLUGINS"


@dataclass(frozen=True)
class LoadedPlugin:
    """A plugin that loaded."""

    name: str
    module: str
    distribution: str
    hooks: tuple[str, ...]


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that could not be loaded, and the error."""

    name: str
    module: str
    distribution: str
    error: str


@dataclass(frozen=True)
class PluginHost:
    """Everything that plugins registered."""

    plugins: list[LoadedPlugin] = field(default_factory=list)
    broken: list[BrokenPlugin] = field(default_factory=list)
    methods: Registry = field(default_factory=lambda: Registry("method"))
    investigators: Registry = field(default_factory=lambda: Registry("investigator"))
    graders: Registry = field(default_factory=lambda: Registry("grader"))
    generators: Registry = field(default_factory=lambda: Registry("generator"))
    folders: dict[Path, str] = field(default_factory=dict)
    """Folders of organisms and bases, each with the plugin that it is from."""

    @property
    def registries(self) -> tuple[Registry, ...]:
        """The registries of everything that has a name."""
        return (self.methods, self.investigators, self.graders, self.generators)


def installed_plugins() -> frozenset[str]:
    """Names of all installed plugins, disabled ones included."""
    return frozenset(entry.name for entry in entry_points(group=GROUP))


def load_plugins(disabled: Iterable[str] = ()) -> PluginHost:
    """Loads all installed plugins except ``disabled`` ones and DIFFKIT_DISABLE_PLUGINS."""
    named = [name.strip() for name in os.environ.get(DISABLE, "").split(",")]
    off = {*disabled, *named}
    host = PluginHost()
    for entry in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        if entry.name not in off:
            _load_plugin(entry, host)
    return host


def _load_plugin(entry: EntryPoint, host: PluginHost) -> None:
    distribution = entry.dist.name if entry.dist else "?"
    try:
        module = entry.load()
        hooks = _register(module, entry.name, host, first_party=distribution == "diffkit")
    except (Exception, SystemExit) as error:
        host.broken.append(BrokenPlugin(entry.name, entry.value, distribution, one_line(error)))
    else:
        host.plugins.append(LoadedPlugin(entry.name, entry.value, distribution, hooks))


def _register(
    module: ModuleType, name: str, host: PluginHost, *, first_party: bool
) -> tuple[str, ...]:
    """Registers everything that the plugin provides, or nothing if any of it is invalid."""
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=name)
    manager.check_pending()
    hooks = tuple(sorted(caller.name for caller in manager.get_hookcallers(module) or ()))
    if not hooks:
        msg = "it implements no hook (is @hookimpl missing?)"
        raise ValueError(msg)
    calls: list[Callable[[], None]] = []
    for hook, sink in _sinks(host, name, first_party=first_party).items():

        def note(item: object, hook: str = hook, sink: Callable[..., None] = sink) -> None:
            wanted = Path if hook == "register_organisms" else Spec
            if not isinstance(item, wanted):
                msg = f"{hook} was given {item!r}, not a {wanted.__name__}"
                raise TypeError(msg)
            if isinstance(item, Spec):
                check_words(item.name, item.summary, item.version)
            calls.append(partial(sink, item))

        getattr(manager.hook, hook)(register=note)
    for call in calls:
        call()
    return hooks


def _add_folder(host: PluginHost, owner: str, folder: Path) -> None:
    host.folders.setdefault(folder, owner)


def _sinks(host: PluginHost, owner: str, *, first_party: bool) -> dict[str, Callable[..., None]]:
    by_name: dict[str, Any] = {"owner": owner, "first_party": first_party}
    return {
        "register_methods": partial(host.methods.add, **by_name),
        "register_organisms": partial(_add_folder, host, owner),
        "register_investigators": partial(host.investigators.add, **by_name),
        "register_graders": partial(host.graders.add, **by_name),
        "register_generators": partial(host.generators.add, **by_name),
    }
