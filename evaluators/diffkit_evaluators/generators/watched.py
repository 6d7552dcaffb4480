"""Waits for an answer as long as there is somebody to give it."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def watched(call: Callable[[], T], check: Callable[[], None], every: float = 1.0) -> T:
    """What ``call`` returns; vLLM itself waits for ever on an engine that was killed.

    Args:
        call: is made in a thread of its own, which is left to itself where ``check`` raises.
        check: raises where no answer can come any more.
        every: seconds between one check and the next.
    """
    answer: Future[T] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # goes to whoever waits
            answer.set_exception(error)

    Thread(target=work, daemon=True).start()
    while not wait([answer], timeout=every).done:
        check()
    return answer.result()
