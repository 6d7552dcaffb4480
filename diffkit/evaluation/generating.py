"""The generator of an evaluation, loaded when it is first used."""

import threading
from contextlib import AbstractContextManager
from typing import Any

from diffkit.errors import UserError
from diffkit.evaluation.plan import Component
from diffkit.generator import GeneratorBackend, GeneratorPair, PairSource


class Generating:
    """A generator's backend, loaded when it is first used."""

    def __init__(self, component: Component | None) -> None:
        self._component = component
        self._backend: GeneratorBackend[Any] | None = None
        self._lock = threading.Lock()

    def open(self, source: PairSource) -> AbstractContextManager[GeneratorPair]:
        """The generators of a pair.

        Raises:
            UserError: there is no generator.
        """
        if self._component is None:
            cure = "See `diffkit plugins`: is the plugin 'generators' turned off?"
            raise UserError("There is no generator that could answer.", cure=cure)
        with self._lock:
            if self._backend is None:
                self._backend = self._component.spec.load()
        return self._backend.open(source, self._component.config)

    def close(self) -> None:
        """Frees what the backend keeps."""
        if self._backend is not None:
            self._backend.close()
