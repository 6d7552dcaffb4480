"""Progress: on a terminal a line that is gone at the end, elsewhere lines now and then."""

import io
import threading

import pytest
from dk_fixtures import until
from rich.console import Console

from diffkit.cli import console as consoles
from diffkit.cli import progress
from diffkit.cli.progress import track, with_estimate


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def terminal(screen):
    return Console(file=screen, force_terminal=True, width=100, height=20)


@pytest.fixture(autouse=True)
def none_left():
    yield
    assert progress._displays == []


def test_nothing_is_shown_before_its_time(screen, terminal):
    assert progress.DISPLAY_DELAY == 2
    assert list(track(range(100), "steps", None, 0, terminal)) == list(range(100))
    assert screen.getvalue() == ""


def test_a_loop_whose_first_step_is_slow_is_seen(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "DISPLAY_DELAY", 0.05)

    def slow():
        until(lambda: "texts" in screen.getvalue())
        yield from range(3)

    seen = list(track(slow(), "texts", 3, 0, terminal))
    assert seen == [0, 1, 2]
    assert "0/3" in screen.getvalue()


def test_what_was_done_before_counts_and_rates_are_shown(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "DISPLAY_DELAY", 0.0)
    for _ in track(range(5, 50), "steps", 50, 5, terminal):
        if "50/50" not in screen.getvalue() and "/s" not in screen.getvalue():
            shown = len(screen.getvalue())
            until(lambda shown=shown: len(screen.getvalue()) > shown)
    assert "5/50" in screen.getvalue()
    assert "/s" in screen.getvalue()


def test_loops_inside_loops_share_one_display(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "DISPLAY_DELAY", 0.02)
    threads = threading.active_count()
    for _ in track(range(2), "runs", None, 0, terminal):
        for _ in track(range(3), "texts", None, 0, terminal):
            shown = len(screen.getvalue())
            until(lambda shown=shown: len(screen.getvalue()) > shown)
    assert "runs" in screen.getvalue()
    assert "texts" in screen.getvalue()
    until(lambda: threading.active_count() == threads)


def await_frame(screen):
    """Returns once the display was drawn anew from here on."""
    begun = len(screen.getvalue())
    until(lambda: screen.getvalue().count("steps", begun) > 1)
    return screen.getvalue()[begun:]


def test_what_a_loop_is_told_stands_beside_it_until_the_next_words(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "DISPLAY_DELAY", 0.0)
    for step in track(range(3), "steps", None, 0, terminal):
        progress.status(f"best {step}.5 nats")
        assert f"best {step}.5 nats" in await_frame(screen)
    assert "best 0.5 nats" not in screen.getvalue().rpartition("best 2.5 nats")[2]


def test_words_are_the_innermost_loops_and_go_with_it(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "DISPLAY_DELAY", 0.0)
    shown = []
    for _ in track(range(2), "steps", None, 0, terminal):
        progress.status("outer")
        for _ in track(range(1), "texts", None, 0, terminal):
            progress.status("inner")
            shown.append(list(words_of_tasks()))
        shown.append(list(words_of_tasks()))
    assert shown == [["outer", "inner"], ["outer"]] * 2


def words_of_tasks():
    return (task.fields["said"] for task in progress._displays[0].bar.tasks)


def test_threads_do_not_speak_for_each_other(terminal):
    seen = []
    ready = threading.Barrier(3)

    def run(name):
        for _ in track(range(1), name, None, 0, terminal):
            ready.wait(60)
            progress.status(f"of {name}")
            ready.wait(60)
            ready.wait(60)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("a", "b")]
    for _ in track(range(1), "steps", None, 0, terminal):
        for thread in threads:
            thread.start()
        ready.wait(60)
        ready.wait(60)
        tasks = progress._displays[0].bar.tasks
        seen = sorted((task.description, task.fields["said"]) for task in tasks)
        ready.wait(60)
        for thread in threads:
            thread.join()
    assert seen == [("a", "of a"), ("b", "of b"), ("steps", "")]


def test_words_without_a_loop_are_dropped():
    progress.status("nobody hears")
    assert progress._running_loops.loops == []


def test_a_loop_that_is_broken_off_takes_its_words_along(terminal):
    for _ in track(range(3), "steps", None, 0, terminal):
        for _ in track(range(3), "texts", None, 0, terminal):
            progress.status("inner")
            break
        progress.status("outer")
        assert list(words_of_tasks()) == ["outer"]


def test_long_words_are_cut_and_cannot_steer_the_terminal(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "DISPLAY_DELAY", 0.0)
    for _ in track(range(1), "steps", None, 0, terminal):
        progress.status("[bold]begin\x1b[2J\n" + "long " * 40)
        frame = await_frame(screen)
    assert "[bold]begin" in frame
    assert "\x1b[2J" not in frame
    assert "…" in frame
    assert frame.count("long") < 40


def test_a_loop_that_is_left_can_be_taken_off_the_screen(screen, terminal, monkeypatch):
    monkeypatch.setattr(progress, "DISPLAY_DELAY", 0.0)
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


def test_lines_are_written_without_a_terminal(screen, monkeypatch):
    monkeypatch.setattr(consoles, "err", Console(file=screen, force_terminal=False, width=200))
    monkeypatch.setattr(progress, "FIRST_LINE", 0.02)
    monkeypatch.setattr(progress, "_Display", None)  # it must not be made
    for step in consoles.progress(range(5, 8), label="steps", total=8, done=5):
        consoles.status(f"best {step}.5\x1b[2J nats")
        written = len(screen.getvalue())
        until(lambda written=written, step=step: f"best {step}" in screen.getvalue()[written:])
    lines = screen.getvalue().splitlines()
    assert lines[0].startswith("steps 5/8, best 5.5␛[2J nats (after ")
    assert any("steps 6/8, about " in line and " left, best 6.5" in line for line in lines)
    assert "\x1b" not in screen.getvalue()


def test_a_slow_loop_within_a_loop_is_in_the_line(screen, monkeypatch):
    monkeypatch.setattr(consoles, "err", Console(file=screen, force_terminal=False, width=200))
    monkeypatch.setattr(progress, "FIRST_LINE", 0.02)
    for _ in consoles.progress(["a"], label="runs"):
        for _ in consoles.progress(range(1), label="texts"):
            until(lambda: "texts" in screen.getvalue())
    assert "runs 0/1; texts 0/1 (after " in screen.getvalue()


def test_a_short_loop_writes_no_line(screen, monkeypatch):
    assert progress.FIRST_LINE == 10
    monkeypatch.setattr(consoles, "err", Console(file=screen, force_terminal=False))
    assert list(consoles.progress(range(100), label="steps")) == list(range(100))
    assert screen.getvalue() == ""


def test_lines_come_less_and_less_often(monkeypatch):
    gaps = []

    class Stopped:
        def wait(self, gap):
            gaps.append(gap)
            return len(gaps) > 9

    reporter = object.__new__(progress._Reporter)
    reporter.loops, reporter._stopped = [], Stopped()
    reporter._report()
    assert gaps[:3] == [10, 15, 22.5]
    assert gaps[-1] == 120
    assert len([1 for end in range(len(gaps)) if sum(gaps[: end + 1]) < 400]) == 7


@pytest.mark.parametrize(
    ("each", "said"), [(1.0, []), (40.0, ["steps: about 6 min for 9 more (one took 40 s)"])]
)
def test_a_long_loop_says_after_its_first_step_what_it_will_take(each, said, monkeypatch):
    clock = iter(each * step for step in range(100))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress, "_estimated", set())
    written = []
    for _ in range(2):  # a loop inside another says it once
        assert list(with_estimate(range(10), "steps", 10, 0, written.append)) == list(range(10))
    assert written == said
