import threading

import pytest
from diffkit_evaluators.generators.engine_pool import call_with_watchdog


def test_an_answer_comes_through():
    assert call_with_watchdog(lambda: 3, lambda: pytest.fail("checked"), every=10.0) == 3


def test_what_the_call_raises_comes_through():
    def call():
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        call_with_watchdog(call, lambda: None)


def test_waiting_ends_where_no_answer_can_come():
    held = threading.Event()
    checks = []

    def check():
        checks.append(1)
        if len(checks) == 3:
            raise RuntimeError("it is dead")

    with pytest.raises(RuntimeError, match="it is dead"):
        call_with_watchdog(held.wait, check, every=0.001)
    held.set()
