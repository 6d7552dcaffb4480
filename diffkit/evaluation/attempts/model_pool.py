"""A pool of model pairs: loaded on first use, shared by attempts, a few at a time."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from diffkit.errors import UserError
from diffkit.evaluation.plan import ConfiguredPlugin, plugin_identity
from diffkit.generator import GeneratorBackend, GeneratorPair, PairSource
from diffkit.runs.models import PairSpec, open_models

if TYPE_CHECKING:
    from diffkit.engine.loading.loader import NetworkCache
    from diffkit.engine.pair import ModelPair


class SharedGenerator:
    """A generator's backend, loaded when it is first used."""

    def __init__(self, component: ConfiguredPlugin | None) -> None:
        self._component = component
        self._backend: GeneratorBackend[Any] | None = None
        self._lock = threading.Lock()

    def open(self, source: PairSource) -> AbstractContextManager[GeneratorPair]:
        """The generators of a pair.

        Raises:
            UserError: there is no generator.
        """
        if self._component is None:
            hint = "See `diffkit plugins`: is the plugin 'generators' turned off?"
            raise UserError("There is no generator that could answer.", hint=hint)
        with self._lock:
            if self._backend is None:
                self._backend = self._component.spec.load()
        return self._backend.open(source, self._component.config)

    def close(self) -> None:
        """Frees what the backend keeps."""
        if self._backend is not None:
            self._backend.close()


MAX_LOADED_PAIRS = 4
"""Pairs that are kept loaded."""


class LoadedPair:
    """One pair and its generators, each made when it is first asked for.

    Args:
        spec: which models.
        device: where they are loaded.
        generator: who generates, shared by all arenas.
        networks: keeps bases loaded from one arena to the next.
    """

    def __init__(
        self,
        spec: PairSpec,
        device: str,
        generator: "SharedGenerator",
        networks: "NetworkCache",
    ) -> None:
        self.users = 0
        """How many use it at this moment."""
        self._spec, self._device, self._networks = spec, device, networks
        self._generator = generator
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._pair: ModelPair | None = None
        self._generators: GeneratorPair | None = None

    def pair(self) -> "ModelPair":
        """Both sides, loaded."""
        with self._lock:
            if self._pair is None:
                loaded = open_models(self._spec, self._device, self._networks)
                self._pair = self._stack.enter_context(loaded).subject  # type: ignore[assignment]
            return self._pair  # type: ignore[return-value]

    def generators(self) -> GeneratorPair:
        """Generators of both sides."""
        with self._lock:
            if self._generators is None:
                spec = self._spec
                source = PairSource(
                    spec.base, spec.finetuned, self.pair, self._device, spec.dtype, spec.attention
                )
                self._generators = self._stack.enter_context(self._generator.open(source))
            return self._generators

    def close(self) -> None:
        """Frees both."""
        self._stack.close()


@dataclass
class ModelPool:
    """Lends arenas, and keeps the last few open."""

    device: str
    generator: "ConfiguredPlugin | None"
    limit: int = MAX_LOADED_PAIRS
    _open: dict[PairSpec, LoadedPair] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        from diffkit.engine.loading.loader import NetworkCache

        self._networks = NetworkCache()
        self._generating = SharedGenerator(self.generator)

    @property
    def identity(self) -> dict[str, object]:
        """What of the generator enters a key."""
        return plugin_identity(self.generator) if self.generator else {}

    @contextmanager
    def lend(self, specs: Sequence[PairSpec]) -> Iterator[tuple[LoadedPair, ...]]:
        """Lends an arena of each pair, all at once: who waited with one in hand could wait forever.

        Pairs that nobody uses are closed where more than the limit would be open; where all are in
        use, it waits, but for a first lender who needs more than the limit by himself.
        """
        wanted = tuple(dict.fromkeys(specs))
        with self._changed:
            self._changed.wait_for(lambda: self._room(wanted))
            self._evict(wanted)
            found = {spec: self._take(spec) for spec in wanted}
        try:
            yield tuple(found[spec] for spec in specs)
        finally:
            with self._changed:
                for arena in found.values():
                    arena.users -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Closes all of them, and the generator's engines."""
        with self._changed:
            while self._open:
                self._open.popitem()[1].close()
            self._networks.clear()
            self._generating.close()

    def _room(self, wanted: Sequence[PairSpec]) -> bool:
        used = {spec for spec, arena in self._open.items() if arena.users}
        return not used or len(used | set(wanted)) <= self.limit

    def _evict(self, wanted: Sequence[PairSpec]) -> None:
        idle = [s for s, arena in self._open.items() if not arena.users and s not in wanted]
        excess = len({*self._open, *wanted}) - self.limit
        for spec in idle[: max(0, excess)]:
            self._open.pop(spec).close()

    def _take(self, spec: PairSpec) -> LoadedPair:
        arena = self._open.pop(spec, None) or LoadedPair(
            spec, self.device, self._generating, self._networks
        )
        self._open[spec] = arena  # the last taken is the last to be closed
        arena.users += 1
        return arena
