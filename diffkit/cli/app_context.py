"""What every command shares: the store, the plugins and the organisms, each loaded on use."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from diffkit.context import BATCH_SIZE

if TYPE_CHECKING:
    from diffkit.evaluation.calibration.run_nulls import NullsOfRuns
    from diffkit.evaluation.calibration.table import CalibrationRow
    from diffkit.records.opened_store import OpenedStore
    from diffkit.registry.catalogue import Catalogue
    from diffkit.registry.plugin_host import PluginHost
    from diffkit.registry.user_places import UserPlaces
    from diffkit.runs.execution import ExecutionOptions
    from diffkit.runs.manifest import StoredRun
    from diffkit.runs.store import Store


@dataclass
class AppContext:
    """Loads what a command asks for, and nothing before."""

    store_folder: Path = Path("diffkit-runs")
    disabled: tuple[str, ...] = ()
    debug: bool = False
    command: str = ""
    """The command as it was typed."""

    def configure(self, store_folder: Path, disabled: tuple[str, ...], debug: bool) -> None:
        """Sets the options, and forgets what an earlier command in this process loaded."""
        command = self.command
        vars(self).clear()
        self.__init__(store_folder, disabled, debug, command)  # type: ignore[misc]

    @cached_property
    def host(self) -> "PluginHost":
        """All plugins that work; `warn_of_broken_plugins` names the others.

        Raises:
            UnknownName: ``--no-plugin`` names none that is installed.
        """
        from diffkit.errors import UnknownName
        from diffkit.registry.plugin_host import installed_plugins, load_plugins

        names = installed_plugins()
        for name in self.disabled:
            if name not in names:
                raise UnknownName("plugin", name, names, listing="diffkit plugins")
        return load_plugins(self.disabled)

    def warn_of_broken_plugins(self) -> None:
        """Names the plugins that do not work: where plugins are listed, or a name is missing."""
        from diffkit.cli.console import warn

        for plugin in self.host.broken:
            warn(f"The plugin {plugin.name!r} is broken and left out: {plugin.error}")

    @cached_property
    def catalogue(self) -> "Catalogue":
        """All organisms and bases; a broken file is reported on stderr in one line."""
        from diffkit.cli.console import warn
        from diffkit.registry.catalogue import read_catalogue

        catalogue = read_catalogue([*self.host.folders, *self.places.all])
        for line in (*self.places.missing(), *catalogue.broken):
            warn(line)
        return catalogue

    @cached_property
    def places(self) -> "UserPlaces":
        """Folders and files of the user's own organisms."""
        from diffkit.registry.user_places import user_places

        return user_places()

    def origin(self, file: Path) -> str:
        """Where an organism or base is from: a plugin, or a folder or file of the user's own."""
        real = file.resolve()
        for folder, plugin in self.host.folders.items():
            if real.is_relative_to(folder.resolve()):
                return f"plugin {plugin}"
        found = (place for place in self.places.all if real.is_relative_to(place.resolve()))
        return str(next(found, file))

    @cached_property
    def calibration_rows(self) -> "Mapping[str, CalibrationRow]":
        """Calibration runs that were made before, by digest; read when they are first needed."""
        from diffkit.evaluation.calibration.table import read_tables

        return read_tables(self.catalogue.tables)

    def summary(self, run: "StoredRun") -> str:
        """What a run saw, how unusual it is, and what its method cannot tell."""
        from diffkit.errors import UnknownName
        from diffkit.render.summary import run_summary

        identity = run.manifest.identity
        try:
            blind_spot = self.host.methods[identity.method].blind_spot
        except UnknownName:  # the plugin is gone, the run is not
            blind_spot = ""
        return run_summary(run, self.nulls.test(run.manifest), blind_spot)

    @cached_property
    def nulls(self) -> "NullsOfRuns":
        """Finds the nulls that runs are compared with."""
        from diffkit.evaluation.calibration.run_nulls import NullsOfRuns

        return NullsOfRuns(self.catalogue, self.calibration_rows, self.store)

    @cached_property
    def stored(self) -> "OpenedStore":
        """The store's records, listed, read and searched.

        Raises:
            UserError: there is no store.
        """
        from diffkit.records.opened_store import open_store

        return open_store(self.store_folder)

    @cached_property
    def store(self) -> "Store":
        """The store, for reading; call its `prepare` before writing."""
        from diffkit.runs.store import Store

        store = Store(self.store_folder)
        store.check()
        return store

    def execution(
        self, device: str, *, fresh: bool, batch_size: int = BATCH_SIZE
    ) -> "ExecutionOptions":
        """How this command executes runs: with progress, log messages and its own words."""
        from diffkit.cli.console import enable_logging, progress, status
        from diffkit.runs.execution import ExecutionOptions

        enable_logging()
        return ExecutionOptions(
            device, progress, fresh, status, batch_size=batch_size, command=self.command
        )


context = AppContext()
