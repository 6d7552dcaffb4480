import threading

import pytest
from diffkit_evaluators.generators.watched import watched


def test_an_answer_comes_through():
    assert watched(lambda: 3, lambda: pytest.fail("checked"), every=10.0) == 3


def test_what_the_call_raises_comes_through():
    def call():
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        watched(call, lambda: None)


def test_waiting_ends_where_no_answer_can_come():
    held = threading.Event()
    checks = []

    def check():
        checks.append(1)
        if len(checks) == 3:
            raise RuntimeError("it is dead")

    with pytest.raises(RuntimeError, match="it is dead"):
        watched(held.wait, check, every=0.001)
    held.set()
