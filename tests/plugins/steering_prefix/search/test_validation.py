"""What an optimiser of the user's own may not do."""

import sys
import types
from dataclasses import replace

import pytest
import torch
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.search import (
    BestPrefix,
    PrefixOptimiser,
    PrefixScorer,
    SearchResult,
    TokenSpace,
    TracePoint,
    sample_prefixes,
)
from diffkit_plugins.steering_prefix.search.run import run_searches

from diffkit import UserError

TARGET = " the cat sat"


def honest(task):
    """Random prefixes, all read, of which the best is kept."""
    record, generator = BestPrefix(task), torch.Generator().manual_seed(task.seed)
    for one in PrefixScorer(task).score(sample_prefixes(task.space, 3, 5, generator)):
        record.update(one)
    record.log_step()
    return record.result()


def untyped(found, **fields):
    """With fields of types that the tests' own checks would not let pass, as a user's code may."""
    for name, value in fields.items():
        object.__setattr__(found, name, value)
    return found


@pytest.fixture
def run(distance_to, context, monkeypatch):
    def make(ends, **options):
        module = types.ModuleType("own_optimiser")
        module.Own = type("Own", (PrefixOptimiser,), {"search": lambda self, task: ends(task)})
        monkeypatch.setitem(sys.modules, "own_optimiser", module)
        objective = distance_to(TARGET)
        chosen = SearchOptions(length=3, budget=60, optimiser="own_optimiser:Own", **options)
        return run_searches(objective, TokenSpace.of(objective, chosen), chosen, context)

    return make


def test_an_honest_one_is_taken_at_its_word(run):
    found = run(honest, prune=False).best
    assert found.optimiser == "own_optimiser:Own"
    assert found.loss == found.result.trace[-1].loss


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (lambda task: None, "returned NoneType"),
        (lambda task: replace(honest(task), trace=()), "no trace"),
        (lambda task: replace(honest(task), ids=()), "no token ids"),
        (lambda task: replace(honest(task), ids=(10**9,)), "no token ids"),
        (lambda task: untyped(honest(task), ids=None), "no token ids"),
        (lambda task: untyped(honest(task), loss=None), "no number"),
        (lambda task: replace(honest(task), ids=(0, 1)), "special or banned"),
        (lambda task: replace(honest(task), loss=0.0), "gave a loss of 0 for"),
        (lambda task: replace(honest(task), loss=float("nan")), "gave a loss of nan for"),
        (lambda task: SearchResult((0,), 0.0, (TracePoint(1, 0.0),)), "special or banned"),
    ],
)
def test_what_is_not_what_it_says_is_refused(run, ends, message):
    with pytest.raises(UserError, match=message) as refused:
        run(ends)
    assert "own_optimiser:Own" in str(refused.value)


def test_a_banned_word_is_refused(run, distance_to):
    ids = distance_to(TARGET).model.tokenizer(TARGET, add_special_tokens=False).input_ids
    given = SearchResult(tuple(ids), 0.0, (TracePoint(1, 0.0),))
    with pytest.raises(UserError, match="cat sat"):
        run(lambda task: given, ban=("cat",))


def test_what_may_be_said_is_taken(run, distance_to):
    ids = distance_to(TARGET).model.tokenizer(TARGET, add_special_tokens=False).input_ids
    given = SearchResult(tuple(ids), 0.0, (TracePoint(1, 0.0),))
    assert run(lambda task: given, prune=False).best.text == TARGET


def test_a_list_of_ids_is_as_good_as_a_tuple(run):
    found = run(lambda task: untyped(honest(task), ids=list(honest(task).ids)), prune=False).best
    assert isinstance(found.result.ids, tuple)


def test_a_fault_is_told_in_later_prefixes_too(run):
    begun = []

    def ends(task):
        begun.append(task)
        return honest(task) if len(begun) == 1 else None

    with pytest.raises(UserError, match="returned NoneType"):
        run(ends, successive=3, prune=False)


def test_checking_takes_nothing_from_the_budget(run):
    spent = []

    def ends(task):
        found = honest(task)
        spent.append((task, task.budget.spent))
        return found

    run(ends, prune=False)
    ((task, before),) = spent
    assert task.budget.spent == before
