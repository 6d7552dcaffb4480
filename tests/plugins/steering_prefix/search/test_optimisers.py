"""What every optimiser promises."""

import sys
import types
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from diffkit_plugins.steering_prefix.optimisers.registry import OPTIMISERS, load_optimiser
from diffkit_plugins.steering_prefix.search import PrefixOptimiser, ReadingBudget

from diffkit import UserError

ALL = pytest.mark.parametrize("name", OPTIMISERS)
TARGET = " the cat sat"


@ALL
def test_a_reachable_target_is_reached(name, task_of, distance_to):
    task = task_of(distance_to(TARGET), length=3, budget=4_000, starts=2)
    found = load_optimiser(name).search(task)
    assert task.space.text(found.ids) == TARGET
    assert found.loss == pytest.approx(0, abs=1e-6)


@ALL
def test_the_best_so_far_never_gets_worse(name, task_of, distance_to):
    found = load_optimiser(name).search(task_of(distance_to(TARGET), length=3, budget=1_000))
    assert all(later.loss <= earlier.loss for earlier, later in pairwise(found.trace))
    assert all(later.spent > earlier.spent for earlier, later in pairwise(found.trace))
    assert found.trace[-1].loss == found.loss


@ALL
def test_the_same_seed_gives_the_same_prefix(name, task_of, distance_to):
    def run(seed):
        task = task_of(distance_to(TARGET), length=3, budget=300, seed=seed)
        return load_optimiser(name).search(task)

    one, two, other = run(3), run(3), run(4)
    assert (one.ids, one.trace, one.stages) == (two.ids, two.trace, two.stages)
    assert (one.trace, one.stages) != (other.trace, other.stages)


@ALL
@pytest.mark.parametrize("budget", [60, 301, 1_000])
def test_the_budget_is_kept_and_every_reading_counts(name, budget, task_of, distance_to):
    objective = distance_to(TARGET)
    task = task_of(objective, length=3, budget=budget)
    load_optimiser(name).search(task)
    assert budget - 60 <= task.budget.spent <= budget
    assert objective.readings == task.budget.spent


@ALL
def test_nothing_banned_comes_out(name, task_of, distance_to):
    task = task_of(distance_to(TARGET), length=3, budget=1_000, ban=("cat",))
    found = load_optimiser(name).search(task)
    assert bool(task.space.accepts(torch.tensor([found.ids])))
    assert "cat" not in task.space.text(found.ids).replace(" ", "")


@ALL
def test_a_penalty_is_minimised_with_the_loss(name, task_of, distance_to):
    task = task_of(distance_to(TARGET), length=3, budget=3_000, ban=("cat",), ban_weight=100.0)
    found = load_optimiser(name).search(task)
    ids = torch.tensor([found.ids])
    assert found.penalty == pytest.approx(float(task.space.penalty(ids)), rel=1e-5)
    assert found.loss == pytest.approx(float(task.objective.losses(ids, range(3)).mean()), rel=1e-5)
    assert " cat" not in task.space.text(found.ids)


@ALL
def test_what_does_not_read_back_never_comes_out(name, task_of, distance_to):
    task = task_of(distance_to(TARGET), length=3, budget=600)
    odd = replace(task.space, round_trips=lambda prefixes: (prefixes.sum(dim=1) % 2 == 1).tolist())
    found = load_optimiser(name).search(replace(task, space=odd))
    assert sum(found.ids) % 2 == 1


@ALL
def test_one_item_and_one_token_will_do(name, task_of, distance_to):
    objective = distance_to(" cat")
    objective.scales = torch.tensor([1.0])
    found = load_optimiser(name).search(task_of(objective, length=1, budget=600))
    assert found.loss == pytest.approx(0, abs=1e-6)


class Given(PrefixOptimiser):
    def search(self, task):
        raise NotImplementedError


def test_an_optimiser_of_ones_own_is_imported(monkeypatch):
    module = types.ModuleType("own_search")
    module.Mine, module.number = Given, 3
    monkeypatch.setitem(sys.modules, "own_search", module)
    assert isinstance(load_optimiser("own_search:Mine"), Given)
    with pytest.raises(UserError, match="no optimiser"):
        load_optimiser("own_search:number")
    with pytest.raises(UserError, match="'own_search:other' is not in its module"):
        load_optimiser("own_search:other")
    with pytest.raises(UserError, match="cannot be imported"):
        load_optimiser("no_such_module:Mine")


def test_a_name_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(UserError, match="'adam'") as caught:
        load_optimiser("adam")
    assert "gcg" in str(caught.value.hint)


def test_a_budget_can_be_spent():
    budget = ReadingBudget(10, spent=12)
    assert budget.remaining == 0


@pytest.mark.parametrize("name", ["soft-projection", "soft-in-loop"])
def test_a_soft_prompt_leaves_enough_to_be_read_with_every_item(name, task_of, distance_to):
    objective = distance_to(" the cat sat")
    objective.scales = torch.ones(24)
    task = task_of(objective, length=3, budget=110)
    load_optimiser(name).search(task)
    assert objective.readings == task.budget.spent <= 110
