"""A pool of running engines, and calls that notice when an engine has died."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Generic, Protocol, TypeVar, runtime_checkable

from diffkit import UserError
from diffkit_evaluators.generators.config import VLLMConfig

T = TypeVar("T")


def call_with_watchdog(call: Callable[[], T], check: Callable[[], None], every: float = 1.0) -> T:
    """Returns the result of ``call``. vLLM alone would wait for ever for an engine that was killed.

    Args:
        call: runs in a thread of its own, which is abandoned if ``check`` raises.
        check: raises if no answer can arrive any more.
        every: seconds between two checks.
    """
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # goes to the waiting thread
            answer.set_exception(error)

    Thread(target=work, daemon=True).start()
    while not wait([answer], timeout=every).done:
        check()
    return answer.result()


@dataclass(frozen=True)
class EngineKey:
    """The parameters of an engine; equal keys share an engine."""

    model: Path
    """Folder of a full model."""
    dtype: str
    """Number format of weights and activations."""
    adapters: bool
    """Whether it supports adapters."""
    config: VLLMConfig
    """The options."""


@runtime_checkable
class PooledEngine(Protocol):
    """An engine in a pool."""

    @property
    def broken(self) -> bool:
        """Whether it is unusable."""
        ...

    def close(self) -> None:
        """Frees its resources."""
        ...


E = TypeVar("E", bound=PooledEngine)


class EnginePool(Generic[E]):
    """A limited number of running engines, shared by several threads.

    Args:
        start: starts an engine, which takes half a minute or more.
    """

    def __init__(self, start: Callable[[EngineKey], E]) -> None:
        self._start = start
        self._warm: dict[EngineKey, E] = {}
        self._users: dict[EngineKey, int] = {}
        self._changed = threading.Condition()

    @contextmanager
    def acquire(self, keys: Collection[EngineKey], most: int) -> Iterator[Mapping[EngineKey, E]]:
        """Engines, until the context ends; waits while others use too many.

        All are acquired at once: a thread that held one and waited for another could wait for ever.

        Args:
            keys: keys of the engines.
            most: maximum number of running engines.

        Raises:
            UserError: more engines are needed than may run.
        """
        wanted = set(keys)
        if len(wanted) > most:
            what = f"This pair needs {len(wanted)} engines, and max_engines is {most}."
            raise UserError(what, hint=f"Set max_engines={len(wanted)}.")
        with self._changed:
            self._changed.wait_for(lambda: len(self._users.keys() | wanted) <= most)
            lent = {key: self._warmed(key, wanted, most) for key in sorted(wanted, key=str)}
            for key in wanted:
                self._users[key] = self._users.get(key, 0) + 1
        try:
            yield lent
        finally:
            self._give_back(wanted)

    def close(self) -> None:
        """Closes all engines."""
        with self._changed:
            while self._warm:
                self._warm.popitem()[1].close()

    def _warmed(self, key: EngineKey, wanted: Collection[EngineKey], most: int) -> E:
        """The engine of ``key``, which becomes the most recently used one."""
        engine = self._warm.pop(key, None)
        if engine is not None and engine.broken:
            engine.close()
            engine = None
        if engine is None:
            idle = [other for other in self._warm if other not in {*self._users, *wanted}]
            for other in idle[: max(0, len(self._warm.keys() | wanted) - most)]:
                self._warm.pop(other).close()
            engine = self._start(key)
        self._warm[key] = engine
        return engine

    def _give_back(self, keys: Collection[EngineKey]) -> None:
        with self._changed:
            for key in keys:
                self._users[key] -= 1
                if not self._users[key]:
                    del self._users[key]
            self._changed.notify_all()
