"""Pairs that can be asked: loaded when first used, shared by attempts, a few at a time."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diffkit.evaluation.component import component_identity
from diffkit.evaluation.generating import Generating
from diffkit.generator import GeneratorPair, PairSource
from diffkit.runs.loading import opened
from diffkit.runs.subject import PairSpec

if TYPE_CHECKING:
    from diffkit.engine.load import Networks
    from diffkit.engine.pair import ModelPair
    from diffkit.evaluation.plan import Component

OPEN = 4
"""Pairs that are kept loaded."""


class Arena:
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
        generator: "Generating",
        networks: "Networks",
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
                loaded = opened(self._spec, self._device, self._networks)
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
class Arenas:
    """Lends arenas, and keeps the last few open."""

    device: str
    generator: "Component | None"
    limit: int = OPEN
    _open: dict[PairSpec, Arena] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        from diffkit.engine.load import Networks

        self._networks = Networks()
        self._generating = Generating(self.generator)

    @property
    def identity(self) -> dict[str, object]:
        """What of the generator enters a key."""
        return component_identity(self.generator) if self.generator else {}

    @contextmanager
    def lend(self, specs: Sequence[PairSpec]) -> Iterator[tuple[Arena, ...]]:
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

    def _take(self, spec: PairSpec) -> Arena:
        arena = self._open.pop(spec, None) or Arena(
            spec, self.device, self._generating, self._networks
        )
        self._open[spec] = arena  # the last taken is the last to be closed
        arena.users += 1
        return arena
