"""The model pool: pairs are loaded on first use, shared, and closed when others are needed."""

import threading
from contextlib import contextmanager

import pytest

from diffkit.errors import UserError
from diffkit.evaluation.attempts import ModelPool
from diffkit.evaluation.attempts import model_pool as module
from diffkit.organism import Adapter, Source
from diffkit.runs.spec import OpenedModels, PairSpec

BASE = Source(at="base")


def spec(name):
    return PairSpec(BASE, Adapter(source=Source(at=name)))


@pytest.fixture
def opened(monkeypatch):
    """What is open now, and what was ever opened."""
    now, ever = [], []

    @contextmanager
    def open_pair(subject, device, networks):
        name = subject.finetuned.source.at
        now.append(name)
        ever.append(name)
        yield OpenedModels(name, device)
        now.remove(name)

    monkeypatch.setattr(module, "open_models", open_pair)
    return now, ever


def test_a_pair_is_loaded_when_it_is_asked_for_and_once(opened):
    now, ever = opened
    pool = ModelPool("cpu", None)
    with pool.acquire([spec("a")]) as (one,), pool.acquire([spec("a")]) as (other,):
        assert now == []
        assert one.pair() == other.pair() == "a"
    assert ever == now == ["a"]
    pool.close()
    assert now == []


def test_the_pairs_used_longest_ago_are_closed_beyond_the_limit(opened):
    now, ever = opened
    pool = ModelPool("cpu", None, limit=2)
    for name in ("a", "b", "a", "c"):
        with pool.acquire([spec(name)]) as (loaded,):
            loaded.pair()
    assert now == ["a", "c"]
    assert ever == ["a", "b", "c"]


def test_one_pair_that_is_acquired_twice_is_loaded_once(opened):
    with ModelPool("cpu", None).acquire([spec("a"), spec("a"), spec("b")]) as (one, same, other):
        assert one is same
        assert one is not other


def test_a_call_that_needs_more_than_there_is_room_for_waits_and_gets_all(opened):
    pool = ModelPool("cpu", None, limit=2)
    waiting, entered = threading.Event(), threading.Event()

    def second():
        waiting.set()
        with pool.acquire([spec("b"), spec("c")]):
            entered.set()

    with pool.acquire([spec("a")]):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(30)
        assert not entered.wait(0.05)  # a, b and c would be three
    thread.join(30)
    assert entered.is_set()
    with pool.acquire([spec("x"), spec("y"), spec("z")]) as three:  # alone, and more than the limit
        assert len(three) == 3


def test_without_a_generator_no_pair_can_answer(opened):
    pool = ModelPool("cpu", None)
    with pool.acquire([spec("a")]) as (loaded,), pytest.raises(UserError, match="no generator"):
        loaded.generators()
