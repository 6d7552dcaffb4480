"""A training that is stopped: what is kept, and how it is continued."""

import json
import logging
import os
import signal
import threading

import pytest
import torch
from safetensors.torch import load_file

from diffkit.errors import UserError
from diffkit.training import read_recipe, train, trainer


def signals_at(step, *numbers):
    """A progress that sends signals to this process while step ``step`` (from 1) is made."""

    def progress(items, **_):
        for index, item in enumerate(items, 1):
            if index == step:
                for number in numbers:
                    os.kill(os.getpid(), number)
            yield item

    return progress


def kept_steps(recipe):
    """Steps in the state that an interrupted training left; none where it left none."""
    state = recipe.folder.with_name(recipe.folder.name + ".work") / "checkpoint" / "state.json"
    return len(json.loads(state.read_text())["losses"]) if state.exists() else None


def weights(trained):
    return load_file(next(trained.folder.glob("*.safetensors")))


def same(one, two):
    left, right = weights(one), weights(two)
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


@pytest.fixture
def handlers():
    """No signal handler outlives a training."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    yield
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_training_keeps_its_last_step_and_ends_with_the_same_bits(
    make_recipe, handlers, caplog, number
):
    recipe = read_recipe(make_recipe(save_every=100))
    with caplog.at_level(logging.INFO, "diffkit.training"), pytest.raises(KeyboardInterrupt):
        train(recipe, progress=signals_at(3, number))
    assert kept_steps(recipe) == 3
    assert "Stopping after this step, which is saved; again to stop at once." in caplog.text
    made = train(recipe)
    assert len(made.losses) == 6
    assert same(made, train(read_recipe(make_recipe("whole"))))


def test_a_second_signal_stops_at_once(make_recipe, handlers):
    recipe = read_recipe(make_recipe(save_every=100))
    with pytest.raises(KeyboardInterrupt):
        train(recipe, progress=signals_at(3, signal.SIGINT, signal.SIGTERM))
    assert kept_steps(recipe) is None


def test_a_signal_in_the_last_step_ends_after_the_result_is_written(make_recipe, handlers):
    recipe = read_recipe(make_recipe(save_every=100))
    with pytest.raises(KeyboardInterrupt):
        train(recipe, progress=signals_at(6, signal.SIGTERM))
    assert (recipe.folder / "diffkit.json").exists()
    assert train(recipe).seconds == 0


def test_a_training_in_a_thread_handles_no_signals(make_recipe, handlers):
    recipe = read_recipe(make_recipe())
    thread = threading.Thread(target=train, args=(recipe,))
    thread.start()
    thread.join()
    assert (recipe.folder / "diffkit.json").exists()


def test_the_state_is_saved_by_the_clock_too_unless_saving_is_slow(make_recipe, monkeypatch):
    timer = trainer._SaveTimer(every=100)
    now = [timer.saved]
    monkeypatch.setattr(trainer.time, "monotonic", lambda: now[0])
    now[0] += trainer.SAVE_SECONDS - 1
    assert (timer(1), timer(100), timer(200)) == (False, True, True)
    now[0] += 2
    assert timer(1)
    with timer.measured():
        now[0] += 30  # seconds that one saving takes: at most a twentieth of the time
    now[0] += 599
    assert not timer(1)
    now[0] += 2
    assert timer(1)


def test_training_again_is_continued_by_the_command_without_fresh(make_recipe):
    old = train(read_recipe(make_recipe(seed=4)))
    before = weights(old)
    recipe = read_recipe(make_recipe(save_every=100))
    with pytest.raises(KeyboardInterrupt):
        train(recipe, progress=signals_at(3, signal.SIGTERM), fresh=True)
    assert all(torch.equal(before[key], one) for key, one in weights(old).items())
    made = train(recipe)
    assert same(made, train(read_recipe(make_recipe("whole"))))
    assert not same(made, train(read_recipe(make_recipe("other", seed=4))))
    with pytest.raises(UserError, match="--fresh"):
        train(read_recipe(make_recipe(seed=5)))
