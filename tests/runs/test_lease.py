"""Leases: dead holders are found, living ones respected, and one taker wins."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from diffkit.runs import lease as leases
from diffkit.runs.lease import STALE, is_held, lease


@pytest.fixture
def file(tmp_path):
    return tmp_path / "digest.lease"


def write(file, **holder):
    """A lease as another process left it."""
    me = {"token": "other", "host": leases._host(), "pid": os.getpid(), "born": 1.0}
    file.write_text(json.dumps({**me, **holder}))


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def living():
    """A process that lives until the test is over."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate()


def taken(file):
    with lease(file) as mine:
        return mine is not None


def test_a_free_lease_is_taken_and_given_back(file):
    with lease(file) as mine:
        assert mine.kept
        assert is_held(file)
        assert json.loads(file.read_text())["host"].startswith(socket.gethostname())
    assert not file.exists()
    assert not is_held(file)


def test_it_is_given_back_when_the_body_raises(file):
    with pytest.raises(LookupError), lease(file):
        raise LookupError
    assert not file.exists()


def test_a_second_taker_gets_nothing_and_harms_nothing(file):
    with lease(file) as first:
        assert not taken(file)
        assert first.kept


def test_a_dead_process_on_this_host_is_taken_over_at_once(file, dead_pid):
    write(file, pid=dead_pid)
    assert not is_held(file)
    assert taken(file)
    assert not list(file.parent.iterdir())


def test_a_living_process_on_this_host_is_respected_however_silent(file, living):
    write(file, pid=living, born=leases._born(living))
    age(file, 10 * STALE)
    assert is_held(file)
    assert not taken(file)


def test_a_killed_process_that_nobody_reaped_is_dead(file):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    write(file, pid=process.pid, born=leases._born(process.pid))
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended; its remains stay
    assert taken(file)
    process.communicate()


def test_a_pid_that_was_given_to_another_process_is_dead_once_silent(file, living):
    write(file, pid=living, born=1.0)
    assert is_held(file)  # the clock may have been set
    age(file, STALE + 1)
    assert taken(file)


@pytest.mark.parametrize(("silent", "free"), [(STALE / 2, False), (STALE + 1, True)])
def test_another_host_counts_as_dead_once_its_heartbeat_stops(file, silent, free):
    write(file, host="elsewhere", pid=1)
    age(file, silent)
    assert taken(file) is free


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_lease_that_its_writer_did_not_finish_is_free_once_silent(file, content):
    file.write_text(content)
    assert not taken(file)
    age(file, STALE + 1)
    assert taken(file)


def test_the_same_pid_in_another_container_is_not_this_process(file):
    write(file, host=f"{socket.gethostname()} pid:[1]", born=leases._born(os.getpid()))
    age(file, STALE + 1)
    assert taken(file)


def test_the_heart_beats_while_it_is_held(file, monkeypatch):
    monkeypatch.setattr(leases, "HEARTBEAT", 0.01)
    with lease(file):
        age(file, 3600)
        while time.time() - file.stat().st_mtime > 1800:
            time.sleep(0.01)


def test_whoever_lost_the_lease_knows_and_leaves_the_new_one_alone(file):
    with lease(file) as mine:
        write(file, token="new")
        assert not mine.kept
    assert json.loads(file.read_text())["token"] == "new"


def test_a_takeover_that_died_half_way_is_cleared(file, dead_pid):
    write(file, pid=dead_pid)
    guard = file.with_name(f"{file.name}.takeover")
    guard.write_text("{}")
    assert not taken(file)
    age(guard, STALE + 1)
    assert taken(file)


def test_many_threads_after_one_dead_lease_have_one_winner(file, dead_pid):
    for _ in range(20):
        write(file, pid=dead_pid)
        together, done = threading.Barrier(16), threading.Barrier(16)

        def race(_, together=together, done=done):
            together.wait()
            with lease(file) as mine:
                done.wait()  # none gives it back before all have tried
                return mine is not None

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(race, range(16))) == 1


RACE = """
import sys
from pathlib import Path
from diffkit.runs.lease import lease
print("ready", flush=True)
input()
with lease(Path(sys.argv[1])) as mine:
    print(mine is not None, flush=True)
    input()
"""


def test_many_processes_after_one_dead_lease_have_one_winner(file, dead_pid):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 6
    write(file, pid=dead_pid)
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    won = [racer.stdout.readline().strip() for racer in racers]
    for racer in racers:
        racer.communicate("\n")
    assert sorted(won) == ["False"] * 5 + ["True"]
