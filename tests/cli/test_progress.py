"""Progress: on a terminal, after a while, and gone at the end."""

import io
import threading

import pytest
from dk_fixtures import until
from rich.console import Console

from diffkit.cli import console as consoles
from diffkit.cli import progress
from diffkit.cli.progress import track


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def terminal(screen):
    return Console(file=screen, force_terminal=True, width=100, height=20)


@pytest.fixture(autouse=True)
def none_left():
    yield
    assert progress._shown == []


def test_nothing_is_shown_before_its_time(screen, terminal):
    assert progress.PATIENCE == 2
    assert list(track(range(100), "steps", None, 0, terminal)) == list(range(100))
    assert screen.getvalue() == ""


def test_a_loop_whose_first_step_is_slow_is_seen(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.05)

    def slow():
        until(lambda: "texts" in screen.getvalue())
        yield from range(3)

    seen = list(track(slow(), "texts", 3, 0, terminal))
    assert seen == [0, 1, 2]
    assert "0/3" in screen.getvalue()


def test_what_was_done_before_counts_and_rates_are_shown(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    for _ in track(range(5, 50), "steps", 50, 5, terminal):
        if "50/50" not in screen.getvalue() and "/s" not in screen.getvalue():
            shown = len(screen.getvalue())
            until(lambda shown=shown: len(screen.getvalue()) > shown)
    assert "5/50" in screen.getvalue()
    assert "/s" in screen.getvalue()


def test_loops_inside_loops_share_one_display(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.02)
    threads = threading.active_count()
    for _ in track(range(2), "runs", None, 0, terminal):
        for _ in track(range(3), "texts", None, 0, terminal):
            shown = len(screen.getvalue())
            until(lambda shown=shown: len(screen.getvalue()) > shown)
    assert "runs" in screen.getvalue()
    assert "texts" in screen.getvalue()
    until(lambda: threading.active_count() == threads)


def test_a_loop_that_is_left_can_be_taken_off_the_screen(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    loop = track(range(9), "steps", None, 0, terminal)
    next(loop)
    until(lambda: "steps" in screen.getvalue())
    progress.stop()
    assert "\x1b[?25h" in screen.getvalue()  # the cursor is back
    shown = screen.getvalue()
    loop.close()
    assert screen.getvalue() == shown


def test_an_error_in_a_loop_takes_it_off_too(terminal):
    def broken():
        yield 1
        raise LookupError

    with pytest.raises(LookupError):
        list(track(broken(), "steps", None, 0, terminal))


def test_it_is_quiet_when_not_a_terminal(screen, monkeypatch):
    monkeypatch.setattr(consoles, "err", Console(file=screen, force_terminal=False))
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "_Display", None)  # it must not be made
    assert list(consoles.progress(range(3), label="steps")) == [0, 1, 2]
    assert screen.getvalue() == ""
