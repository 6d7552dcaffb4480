"""How many requests one endpoint is sent at a time, over everything in this process."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_open: Counter[str] = Counter()
_changed = threading.Condition()


@contextmanager
def connection(url: str, limit: int) -> Iterator[None]:
    """Waits until fewer than ``limit`` requests to ``url`` are open, and opens one."""
    with _changed:
        _changed.wait_for(lambda: _open[url] < limit)
        _open[url] += 1
    try:
        yield
    finally:
        with _changed:
            _open[url] -= 1
            _changed.notify_all()
