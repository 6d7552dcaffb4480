"""A stand-in for `vllm serve`: what it was sent is kept, what it answers is set."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StandIn:
    def __init__(self):
        self.requests, self.keys, self.status, self.body = [], [], 200, None
        self.names = ["the-base", "the-other"]
        self.most, self._now, self._lock = 0, 0, threading.Lock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                self.reply({"object": "list", "data": [_model(name) for name in stand_in.names]})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with stand_in.counting():
                    stand_in.requests.append((self.path, body))
                    stand_in.keys.append(self.headers["Authorization"])
                    self.reply(_answer(self.path, body) if stand_in.body is None else None)

            def reply(self, answer):
                sent = stand_in.body if answer is None else json.dumps(answer)
                self.send_response(stand_in.status if answer is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent.encode())))
                self.end_headers()
                self.wfile.write(sent.encode())

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def counting(self):
        return _Counting(self)

    def change(self, by):
        with self._lock:
            self._now += by
            self.most = max(self.most, self._now)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Counting:
    def __init__(self, stand_in):
        self._stand_in = stand_in

    def __enter__(self):
        self._stand_in.change(1)

    def __exit__(self, *_):
        self._stand_in.change(-1)


def _model(name):
    return {"id": name, "object": "model", "created": 0, "owned_by": "nobody"}


def _answer(path, body):
    words = f"{body['model']} said"
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    choice = {"index": 0, "finish_reason": "stop" if body["temperature"] == 0 else "length"}
    if path.endswith("/chat/completions"):
        choice["message"] = {"role": "assistant", "content": words}
    else:
        choice["text"] = words
    return {
        "id": "x",
        "object": "text_completion",
        "created": 0,
        "model": body["model"],
        "choices": [choice],
        "usage": usage,
    }
