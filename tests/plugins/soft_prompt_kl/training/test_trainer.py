from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.data import prepare_data
from diffkit_plugins.soft_prompt_kl.training.trainer import train
from diffkit_plugins.soft_prompt_kl.training.validation import PoolMeans

from diffkit import UserError
from diffkit.checkpoints import Checkpoints


@pytest.fixture
def trained(tiny_pair, quick, context, tmp_path):
    """``trained(option=value, …)`` trains from the beginning."""

    def of(pair=tiny_pair, **options):
        config, told = quick(**options), []
        fresh = Path(tmp_path / str(len(list(tmp_path.iterdir()))))
        fresh.mkdir()
        own = replace(context, checkpoints=Checkpoints(fresh), status=told.append)
        found = train(pair, config, own, prepare_data(pair, config, own))
        assert told[-1].startswith("best score ")
        return found

    return of


def same(one, other):
    return torch.equal(one.best, other.best) and one.history == other.history


@pytest.mark.slow
def test_held_out_divergence_rises(trained):
    history = trained(steps=30, evaluate_every=10, anchor=0.0, rate=0.5).best.history
    assert [one.step for one in history] == [0, 10, 20, 30]
    assert history[-1].divergence > history[0].divergence
    assert history[-1].training > history[0].training
    assert [one.score for one in history] == [one.divergence for one in history]


def test_the_best_is_of_the_largest_score_and_the_last_of_the_last_step(trained):
    found = trained(steps=5, evaluate_every=2, rate=5.0).best
    assert [one.step for one in found.history] == [0, 2, 4, 5]
    assert found.score == max(one.score for one in found.history)
    assert found.best.shape == found.last.shape == (3, 32)
    assert found.best.dtype == torch.float32
    assert not found.best.requires_grad
    assert not found.last.requires_grad


def test_the_same_seed_gives_the_same_prompt(trained):
    assert same(trained().best, trained().best)


def test_execution_options_do_not_matter_but_for_rounding(trained):
    plain = trained(temperature=0.0).best
    other = trained(temperature=0.0, micro_batch=2, chunk=3, checkpointing=True).best
    torch.testing.assert_close(other.last, plain.last, rtol=1e-3, atol=1e-4)


def test_recomputation_is_over_after_the_training(trained, tiny_pair):
    trained(checkpointing=True, steps=1)
    modules = tiny_pair.base.network.module.modules()
    assert not any(getattr(module, "gradient_checkpointing", False) for module in modules)


def test_restarts_begin_elsewhere_and_the_best_is_kept(trained):
    found = trained(restarts=2)
    one, other = found.trainings
    assert not torch.equal(one.best, other.best)
    assert found.best.score == max(one.score, other.score)
    assert same(one, trained().best)


def test_only_the_first_training_starts_from_a_text(trained):
    options = {"restarts": 2, "steps": 1, "evaluate_every": 1}
    first, second = trained(initialisation="text:The cat", **options).trainings
    drawn, other = trained(**options).trainings
    assert first.history[0] != drawn.history[0]
    assert same(second, other)


@pytest.mark.parametrize("source", ["texts", "both"])
def test_texts_are_trained_on(trained, source):
    history = trained(source=source).best.history
    assert history[0].divergence > 0
    assert history[0] != trained().best.history[0]


@pytest.fixture
def level(monkeypatch):
    """Every prompt is as good as every other."""
    reached = PoolMeans(1.0, 0.0, 1.0)
    monkeypatch.setattr(
        "diffkit_plugins.soft_prompt_kl.training.trainer.pool_means", lambda *_: reached
    )


def test_a_training_that_gets_no_better_ends(trained, level):
    found = trained(steps=9, evaluate_every=1, patience=2).best
    assert found.stopped == "patience"
    assert [one.step for one in found.history] == [0, 1, 2]


def test_instead_of_ending_a_prompt_grows_token_by_token(trained, level):
    found = trained(steps=9, evaluate_every=1, patience=2, max_n_tokens=5).best
    assert [one.length for one in found.history] == [3, 3, 3, 4, 4, 4, 5, 5, 5]
    assert found.stopped == "patience"
    assert len(found.last) == 5
    assert len(found.best) == 3


def test_no_token_is_added_that_no_step_is_left_for(trained, level):
    found = trained(steps=5, evaluate_every=1, patience=2, max_n_tokens=5).best
    assert [one.length for one in found.history] == [3, 3, 3, 4, 4, 4]
    assert len(found.last) == 4


def test_no_soft_token_is_longer_than_the_bound(task, trained):
    given = task(norm_quantile=0.2)
    limit = given.vocabulary.limit(0.2)
    found = trained(norm_quantile=0.2, rate=20.0).best
    for prompt in (found.best, found.last):
        assert prompt.norm(dim=1).max() <= limit * (1 + 1e-5)
    assert trained(rate=20.0).best.last.norm(dim=1).max() > limit


def test_fluency_and_entropy_change_what_is_found(trained):
    plain = trained().best
    for options in ({"fluency": 1.0}, {"entropy": 1.0}, {"anchor": 0.0}):
        assert not torch.equal(trained(**options).best.last, plain.last)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_trains(trained, precision):
    found = trained(precision=precision).best
    assert torch.isfinite(found.last).all()
    assert found.last.dtype == torch.float32
    assert not torch.equal(found.last, trained().best.last)


def test_two_networks_with_tokens_of_their_own_are_trained_on(trained, resized_pair):
    assert trained(resized_pair).best.history[-1].divergence > 0


def test_an_unknown_divergence_is_an_error_with_a_cure(trained):
    with pytest.raises(UserError, match="no divergence 'hellinger'"):
        trained(divergence="hellinger")
