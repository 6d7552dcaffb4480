"""A pool of model pairs: loaded on first use, shared by attempts, a few at a time."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from diffkit.errors import UserError
from diffkit.evaluation.plan import ConfiguredPlugin, plugin_identity
from diffkit.generator import GeneratorBackend, GeneratorPair, PairSource
from diffkit.runs.spec import PairSpec, open_models

if TYPE_CHECKING:
    from diffkit.engine.loading.loader import NetworkCache
    from diffkit.engine.pair import ModelPair

MAX_LOADED_PAIRS = 4
"""Number of pairs that stay loaded."""


class SharedGenerator:
    """The backend of a generator, loaded on first use.

    Args:
        plugin: the generator; none where no generator is installed.
    """

    def __init__(self, plugin: ConfiguredPlugin | None) -> None:
        self._plugin = plugin
        self._backend: GeneratorBackend[Any] | None = None
        self._lock = threading.Lock()

    def open(self, source: PairSource) -> AbstractContextManager[GeneratorPair]:
        """The generators of a pair.

        Raises:
            UserError: there is no generator.
        """
        if self._plugin is None:
            hint = "See `diffkit plugins`: is the plugin 'generators' turned off?"
            raise UserError("There is no generator that could answer.", hint=hint)
        with self._lock:
            if self._backend is None:
                self._backend = self._plugin.spec.load()
        return self._backend.open(source, self._plugin.config)

    def close(self) -> None:
        """Frees the resources of the backend."""
        if self._backend is not None:
            self._backend.close()


class LoadedPair:
    """A pair and its generators, each loaded on first use.

    Args:
        spec: the two models.
        device: the device that they are loaded on.
        generator: the generator that all pairs share.
        networks: keeps bases loaded for further pairs.
    """

    def __init__(
        self, spec: PairSpec, device: str, generator: SharedGenerator, networks: "NetworkCache"
    ) -> None:
        self.users = 0
        """Number of current users."""
        self._spec, self._device, self._networks = spec, device, networks
        self._generator = generator
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._pair: ModelPair | None = None
        self._generators: GeneratorPair | None = None

    def pair(self) -> "ModelPair":
        """Both models, loaded."""
        with self._lock:
            if self._pair is None:
                loaded = open_models(self._spec, self._device, self._networks)
                self._pair = self._stack.enter_context(loaded).subject  # type: ignore[assignment]
            return self._pair  # type: ignore[return-value]

    def generators(self) -> GeneratorPair:
        """Generators of both models."""
        with self._lock:
            if self._generators is None:
                spec = self._spec
                source = PairSource(
                    spec.base, spec.finetuned, self.pair, self._device, spec.dtype, spec.attention
                )
                self._generators = self._stack.enter_context(self._generator.open(source))
            return self._generators

    def close(self) -> None:
        """Frees the models and the generators."""
        self._stack.close()


@dataclass
class ModelPool:
    """Gives access to loaded pairs, and keeps those that were used last."""

    device: str
    generator: ConfiguredPlugin | None
    limit: int = MAX_LOADED_PAIRS
    _open: dict[PairSpec, LoadedPair] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        from diffkit.engine.loading.loader import NetworkCache

        self._networks = NetworkCache()
        self._shared_generator = SharedGenerator(self.generator)

    @property
    def generator_identity(self) -> dict[str, object]:
        """The part of a key that identifies the generator."""
        return plugin_identity(self.generator) if self.generator else {}

    @contextmanager
    def acquire(self, specs: Sequence[PairSpec]) -> Iterator[tuple[LoadedPair, ...]]:
        """Acquires all pairs in one step, since threads that hold some and wait could deadlock.

        Unused pairs are closed where more than the limit would be open. Where all are in use, the
        call waits. A call that needs more than the limit is served when nothing else is in use.
        """
        wanted = tuple(dict.fromkeys(specs))
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(wanted))
            self._evict(wanted)
            found = {spec: self._take(spec) for spec in wanted}
        try:
            yield tuple(found[spec] for spec in specs)
        finally:
            with self._changed:
                for loaded in found.values():
                    loaded.users -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Closes all pairs and the backend of the generator."""
        with self._changed:
            while self._open:
                self._open.popitem()[1].close()
            self._networks.clear()
            self._shared_generator.close()

    def _has_room(self, wanted: Sequence[PairSpec]) -> bool:
        used = {spec for spec, loaded in self._open.items() if loaded.users}
        return not used or len(used | set(wanted)) <= self.limit

    def _evict(self, wanted: Sequence[PairSpec]) -> None:
        unused = [s for s, loaded in self._open.items() if not loaded.users and s not in wanted]
        excess = len({*self._open, *wanted}) - self.limit
        for spec in unused[: max(0, excess)]:
            self._open.pop(spec).close()

    def _take(self, spec: PairSpec) -> LoadedPair:
        loaded = self._open.pop(spec, None) or LoadedPair(
            spec, self.device, self._shared_generator, self._networks
        )
        self._open[spec] = loaded  # the pair that was taken last is closed last
        loaded.users += 1
        return loaded
