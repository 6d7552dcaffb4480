import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from diffkit_evaluators.llm import ChatConfig, LanguageModel
from diffkit_evaluators.llm.client import connection_slot

from diffkit import ChatSession
from diffkit.testing.endpoint import says


class Crowd:
    """Answers, and counts how many are being answered."""

    def __init__(self, wanted):
        self.most = self.now = 0
        self._lock = threading.Lock()
        self._full = threading.Barrier(wanted)

    def __call__(self, body, number):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self._full.wait(timeout=5)  # until as many as may are here
        with self._lock:
            self.now -= 1
        return says("x")


@pytest.mark.parametrize("limit", [1, 3])
def test_an_endpoint_is_sent_so_many_requests_at_a_time(endpoint, ask, limit):
    crowd = endpoint.script = Crowd(limit)
    config = ChatConfig(model={"name": "m", "base_url": endpoint.url}, connections=limit)
    with ThreadPoolExecutor(12) as pool:
        talks = [ChatSession() for _ in range(12)]
        list(pool.map(lambda t: LanguageModel(config, "grader", t).complete(ask), talks))
    assert (crowd.most, endpoint.calls) == (limit, 12)


def test_a_connection_is_free_again_after_a_failure():
    for _ in range(3):
        with pytest.raises(RuntimeError), connection_slot("http://x", 1):
            raise RuntimeError
    with connection_slot("http://x", 1), connection_slot("http://y", 1):
        pass
