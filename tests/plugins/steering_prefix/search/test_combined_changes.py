import pytest
import torch
from diffkit_plugins.steering_prefix.optimisers.coordinate_gradient import (
    combine_changes,
    score_combined,
)
from diffkit_plugins.steering_prefix.search import PrefixScorer, ScoredBatch, ScoredPrefix

NEAR = ScoredPrefix((7, 8, 9), torch.tensor([1.0], dtype=torch.double), penalty=0.0)


def batch(prefixes, losses):
    losses = torch.tensor(losses, dtype=torch.double)
    return ScoredBatch(torch.tensor(prefixes), losses[:, None], torch.zeros(len(losses)).double())


def test_changes_that_help_are_made_together_the_best_of_each_position_first():
    scored = batch(
        [[7, 8, 1], [2, 8, 9], [3, 8, 9], [7, 4, 9], [7, 5, 9]],
        [0.8, 0.5, 0.4, 0.9, 1.1],
    )
    assert combine_changes(scored, NEAR, 1.0).tolist() == [[3, 8, 1], [3, 4, 1]]


@pytest.mark.parametrize("losses", [[1.0, 1.2], [0.5, 1.0]])
def test_one_change_that_helps_or_none_is_nothing_to_merge(losses):
    assert combine_changes(batch([[1, 8, 9], [7, 2, 9]], losses), NEAR, 1.0).shape == (0, 3)


def test_a_merged_prefix_wins_where_it_is_the_best(distance_to, task_of):
    objective = distance_to(" the cat sat")
    task = task_of(objective, length=3, budget=200)
    scorer = PrefixScorer(task)
    one, two, three = task.objective.model.tokenizer(
        " the cat sat", add_special_tokens=False
    ).input_ids
    (parent,) = scorer.score(torch.tensor([[5, 6, 7]]))
    single = torch.tensor([[one, 6, 7], [5, two, 7], [5, 6, three], *[[5, 6, 7]] * 9])
    best = score_combined(scorer, single, [0, 2], parent).best
    assert best.ids == (one, two, three)
    assert best.total == pytest.approx(0, abs=1e-6)
    assert task.budget.spent == objective.readings


def test_merging_stops_at_the_budget_and_keeps_what_is_not_allowed_out(distance_to, task_of):
    objective = distance_to(" the cat sat")
    ids = objective.model.tokenizer(" the cat sat", add_special_tokens=False).input_ids
    single = torch.tensor([[ids[0], 6, 7], [5, ids[1], 7], *[[5, 6, 7]] * 6])
    for options in ({"budget": 14}, {"budget": 200, "ban": ("cat",)}):
        task = task_of(objective, length=3, **options)
        scorer = PrefixScorer(task)
        (parent,) = scorer.score(torch.tensor([[5, 6, 7]]))
        best = score_combined(scorer, single, [0], parent).best
        assert sum(a != b for a, b in zip(best.ids, (5, 6, 7), strict=True)) == 1
        assert task.budget.spent <= task.budget.total
