import threading
from pathlib import Path

import pytest
from diffkit_evaluators.generators.config import VLLMConfig
from diffkit_evaluators.generators.engine_pool import EngineKey, EnginePool

from diffkit import UserError


class Engine:
    def __init__(self, key):
        self.key, self.broken, self.closed = key, False, False

    def close(self):
        self.closed = True


def key(name):
    return EngineKey(Path(name), "float32", False, VLLMConfig())


BASE, ONE, TWO = key("base"), key("one"), key("two")


@pytest.fixture
def started():
    return []


@pytest.fixture
def pool(started):
    def start(key):
        if key.model.name == "bad":
            raise UserError("It does not start.")
        started.append(Engine(key))
        return started[-1]

    return EnginePool(start)


def test_an_engine_is_started_once_and_stays_warm(pool, started):
    for _ in range(3):
        with pool.acquire({BASE, ONE}, 2) as engines:
            assert engines[ONE].key == ONE
    assert len(started) == 2
    assert not any(engine.closed for engine in started)


def test_the_engine_that_was_idle_longest_makes_room(pool, started):
    for other in (ONE, TWO):
        with pool.acquire({BASE, other}, 2):
            pass
    assert [(engine.key, engine.closed) for engine in started if engine.closed] == [(ONE, True)]
    with pool.acquire({BASE, ONE}, 2) as engines:
        assert not engines[BASE].closed
    assert [engine.key for engine in started].count(ONE) == 2


def test_never_more_engines_than_allowed_and_none_is_closed_in_use(pool, started):
    done = []

    def work(other):
        for _ in range(20):
            with pool.acquire({BASE, other}, 2) as engines:
                assert not any(engine.closed for engine in engines.values())
                assert sum(not engine.closed for engine in started) <= 2
                done.append(other)

    threads = [threading.Thread(target=work, args=(other,)) for other in (ONE, TWO, key("three"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == 60


def test_a_pair_that_needs_more_than_allowed_is_refused(pool):
    with pytest.raises(UserError, match="max_engines=2"), pool.acquire({BASE, ONE}, 1):
        pass


def test_a_broken_engine_is_started_anew(pool, started):
    with pool.acquire({BASE}, 1) as engines:
        engines[BASE].broken = True
    with pool.acquire({BASE}, 1) as engines:
        assert not engines[BASE].broken
    assert [engine.closed for engine in started] == [True, False]


def test_an_engine_that_does_not_start_holds_no_place(pool, started):
    with pytest.raises(UserError), pool.acquire({BASE, key("bad")}, 2):
        pass
    with pool.acquire({ONE, TWO}, 2):
        pass
    assert [engine.key for engine in started if not engine.closed] in ([ONE, TWO], [TWO, ONE])


def test_closing_closes_all(pool, started):
    with pool.acquire({BASE, ONE}, 2):
        pass
    pool.close()
    assert all(engine.closed for engine in started)
