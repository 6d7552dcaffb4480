"""Both sides from a vLLM server that is already running."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from diffkit import GeneratorBackend, GeneratorPair, PairSource, Source, UserError
from diffkit_evaluators.generators.config import RemoteConfig
from diffkit_evaluators.generators.remote_generator import RemoteGenerator
from diffkit_evaluators.generators.server_client import ServerClient


@dataclass(frozen=True)
class ServedNames:
    """Names of both sides on the server; errors of `generate` do not contain them."""

    base: str
    finetuned: str


def served_names(source: PairSource, config: RemoteConfig) -> ServedNames:
    """The names of both sides on the server.

    Raises:
        UserError: the finetuned side has no name or that of the base, or is a random change.
    """
    finetuned = source.finetuned
    base = config.base or source.base.at
    if finetuned.kind == "identical":
        return ServedNames(base, base)
    if finetuned.kind == "control":
        what = "No server holds a random change."
        raise UserError(what, hint="Use the generator transformers, or vllm, for it.")
    if finetuned.kind == "between":
        base = _finetuned_name(finetuned.first.source, config)
        names = ServedNames(base, _finetuned_name(finetuned.second.source, config))
    else:
        names = ServedNames(base, config.finetuned or _finetuned_name(finetuned.source, config))
    if names.base == names.finetuned:
        what = "Both sides have one name on the server: they would be one model."
        raise UserError(what, hint="Give each its own, by base, finetuned or adapters.")
    return names


def _finetuned_name(source: Source, config: RemoteConfig) -> str:
    """The name of a finetuned model."""
    whole = source.at
    whole += f"/{source.subfolder}" if source.subfolder else ""
    whole += f"@{source.revision}" if source.revision else ""
    for given, name in config.adapters.items():
        if given == whole or _resolved_folder(given) == _resolved_folder(whole):
            return name
    what = f"Nothing says what the server calls {whole!r}."
    raise UserError(what, hint=f"Set adapters={{{whole!r}: NAME}}.")


def _resolved_folder(at: str) -> Path:
    return Path(at).expanduser().resolve()


class RemoteBackend(GeneratorBackend[RemoteConfig]):
    """Shares one client for equal options, so that the limit of connections holds for all pairs."""

    def __init__(self) -> None:
        self._servers: dict[str, ServerClient] = {}
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
                raise UserError(what, hint=f"See what it has: curl {config.base_url}/models")
        yield GeneratorPair(
            RemoteGenerator(server, names.base, config.connections),
            RemoteGenerator(server, names.finetuned, config.connections),
        )

    def close(self) -> None:
        """Closes the connections."""
        with self._lock:
            while self._servers:
                self._servers.popitem()[1].close()

    def _server(self, config: RemoteConfig) -> ServerClient:
        with self._lock:
            key = config.model_dump_json()
            if key not in self._servers:
                self._servers[key] = ServerClient(config)
            return self._servers[key]
