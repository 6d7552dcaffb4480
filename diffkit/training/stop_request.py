"""Ctrl-C and SIGTERM: taken between two steps of long work, so that its state can be saved."""

import contextlib
import logging
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class StopRequest:
    """Whether the process was asked to stop."""

    asked: bool = False

    def now_if_asked(self) -> None:
        """Ends the work.

        Raises:
            KeyboardInterrupt: the process was asked to stop.
        """
        if self.asked:
            raise KeyboardInterrupt


@contextlib.contextmanager
def deferred_stop(log: logging.Logger) -> Iterator[StopRequest]:
    """Notes the first Ctrl-C or SIGTERM instead of raising; the second one stops at once.

    Signals are handled in the main thread alone; elsewhere this changes nothing.

    Args:
        log: takes a message for the user after the first signal.
    """
    request = StopRequest()

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        if request.asked:
            raise KeyboardInterrupt
        request.asked = True
        log.warning("Stopping after this step, which is saved; again to stop at once.")

    with _handled(handle):
        yield request


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Lets SIGTERM end the work within it as Ctrl-C does."""

    def handle(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    with _handled(handle, (signal.SIGTERM,)):
        yield


@contextlib.contextmanager
def _handled(handle: "signal._HANDLER", signals: tuple[int, ...] = _SIGNALS) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
