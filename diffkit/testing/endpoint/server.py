"""The server: HTTP on a free port of this machine."""

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from diffkit.testing.endpoint.answers import Answer, fails, raw
from diffkit.testing.endpoint.completion import completion
from diffkit.testing.endpoint.scripts import Script

_SPACE = 0.01  # seconds between spaces
MODELS = {"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "diffkit"}]}


class ScriptedEndpoint:
    """Serves ``/v1/chat/completions`` and ``/v1/models`` until the context ends.

    A script that raises is answered with status 500, and raises again at the end.

    Args:
        script: what is answered; it may be set anew while the server runs.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[dict[str, Any]] = []
        """Bodies, in the order in which they came."""
        self.headers: list[dict[str, str]] = []
        """Their headers, names in small letters."""
        self.closed = threading.Event()
        self._lock = threading.Lock()
        self._broken: list[Exception] = []
        self._server = _Server(self)

    @property
    def url(self) -> str:
        """Address, for ``base_url``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def calls(self) -> int:
        """Requests so far."""
        return len(self.requests)

    def __enter__(self) -> "ScriptedEndpoint":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()
        if self._broken and error is None:
            raise self._broken[0]

    def answer(self, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        """Writes a request down, and asks the script."""
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            number = len(self.requests)
        try:
            return self.script(body, number)
        except Exception as error:
            self._broken.append(error)
            return fails(500, message=f"the script raised {error!r}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, endpoint: ScriptedEndpoint) -> None:
        self.endpoint = endpoint
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the client went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Lists models."""
        known = self.path == "/v1/models"
        self._send(raw(json.dumps(MODELS if known else {}), 200 if known else 404))

    def do_POST(self) -> None:
        """Answers a chat."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self._send(fails(404, message="no such path"))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.endpoint.answer(body, headers)
        self.server.endpoint.closed.wait(answer.delay)
        whole = answer.body is not None
        self._send(answer if whole else replace(answer, body=json.dumps(completion(body, answer))))

    def _send(self, answer: Answer) -> None:
        sent = (answer.body or "").encode()
        self.send_response(answer.status)
        length = {"Content-Length": str(answer.spaces + len(sent)), "Connection": "close"}
        for name, value in {"Content-Type": "application/json", **length, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for _ in range(answer.spaces):
            self.wfile.write(b" ")
            self.server.endpoint.closed.wait(_SPACE)
        self.wfile.write(sent[: len(sent) // 2 if answer.cut else None])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Nothing."""
