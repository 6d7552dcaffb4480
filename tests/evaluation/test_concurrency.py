"""Work on several threads: all of it, once, with errors raised where results are read."""

import threading

import pytest

from diffkit.evaluation.concurrency import run_concurrently


@pytest.mark.parametrize("workers", [1, 3])
def test_every_item_is_worked_on_once(workers):
    done = list(run_concurrently(range(20), lambda item: item * item, workers))
    assert sorted((one.item, one.result) for one in done) == [(n, n * n) for n in range(20)]


def test_items_are_worked_on_side_by_side():
    together = threading.Barrier(3, timeout=30)
    assert len(list(run_concurrently(range(3), lambda _: together.wait(), 3))) == 3


@pytest.mark.parametrize("workers", [1, 4])
def test_what_work_raises_is_raised_and_the_rest_is_left(workers):
    begun, raised = [], threading.Event()

    def work(item):
        begun.append(item)
        if item == 2:
            raise LookupError(item)
        raised.wait(0 if workers == 1 else 30)  # whoever comes later stays

    with pytest.raises(LookupError):
        list(run_concurrently(range(1_000), work, workers))
    raised.set()
    assert len(begun) <= 2 + workers
