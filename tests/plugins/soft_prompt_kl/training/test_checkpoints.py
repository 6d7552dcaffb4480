from dataclasses import replace

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.data import prepare_data
from diffkit_plugins.soft_prompt_kl.training.trainer import load_state, train

from diffkit.checkpoints import Checkpoints


class Interrupted(Exception):
    pass


def stopping_after(count):
    """Told so often how things stand, it raises."""
    calls = []

    def status(words):
        calls.append(words)
        if len(calls) == count:
            raise Interrupted

    return status


def equal(one, other):
    return all(
        torch.equal(a.best, b.best)
        and torch.equal(a.last, b.last)
        and a.history == b.history
        and a.stopped == b.stopped
        for a, b in zip(one.trainings, other.trainings, strict=True)
    )


@pytest.fixture
def training(tiny_pair, quick, context, tmp_path):
    """``training(folder, tell, option=value, …)`` trains with its checkpoints in a folder."""

    def of(folder, status, **options):
        config = quick(**options)
        own = replace(context, checkpoints=Checkpoints(tmp_path / folder), status=status)
        return train(tiny_pair, config, own, prepare_data(tiny_pair, config, own))

    return of


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"restarts": 2}, 3),
        ({"restarts": 2}, 5),
        ({"source": "both", "precision": "float16"}, 2),
        pytest.param({"patience": 1, "max_n_tokens": 5, "steps": 6}, 5, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_training_ends_as_one_that_was_not(training, options, count):
    whole = training("whole", str, **options)
    with pytest.raises(Interrupted):
        training("parts", stopping_after(count), **options)
    torch.manual_seed(99)
    assert equal(training("parts", str, **options), whole)


def test_trainings_that_have_ended_are_not_done_again(tiny_pair, quick, context, monkeypatch):
    config = quick(restarts=2)
    given = prepare_data(tiny_pair, config, context)
    whole = train(tiny_pair, config, context, given)
    monkeypatch.setattr("diffkit_plugins.soft_prompt_kl.training.trainer.draw_round", None)
    assert equal(train(tiny_pair, config, context, given), whole)


def test_without_a_checkpoint_there_is_nothing_to_go_on_from(task, tmp_path):
    saved = load_state(Checkpoints(tmp_path / "none"), task())
    assert saved.ended == ()
    assert saved.under_way is None
