"""Both sides from a vLLM server that runs already."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from diffkit import GeneratorBackend, GeneratorPair, PairSource, UserError
from diffkit_evaluators.generators.config import RemoteConfig
from diffkit_evaluators.generators.remote_generator import RemoteGenerator
from diffkit_evaluators.generators.served_names import served_names
from diffkit_evaluators.generators.server import Server


class RemoteBackend(GeneratorBackend[RemoteConfig]):
    """Knows its servers by their options, so that a limit of connections holds for all pairs."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}
        self._lock = threading.Lock()

    @contextmanager
    def open(self, source: PairSource, config: RemoteConfig) -> Iterator[GeneratorPair]:
        """The generators of a pair.

        Raises:
            UserError: the server cannot be reached, or does not serve a side.
        """
        names = served_names(source, config)
        server = self._server(config)
        for side, name in (("base", names.base), ("finetuned side", names.finetuned)):
            if not server.serves(name):
                what = f"The server at {config.base_url} has no model {name!r}, for the {side}."
                raise UserError(what, cure=f"See what it has: curl {config.base_url}/models")
        yield GeneratorPair(
            RemoteGenerator(server, names.base, config.connections),
            RemoteGenerator(server, names.finetuned, config.connections),
        )

    def close(self) -> None:
        """Closes the connections."""
        with self._lock:
            while self._servers:
                self._servers.popitem()[1].close()

    def _server(self, config: RemoteConfig) -> Server:
        with self._lock:
            key = config.model_dump_json()
            if key not in self._servers:
                self._servers[key] = Server(config)
            return self._servers[key]
