import torch
from diffkit_plugins.steering_prefix.search import PrefixScorer, ScoredBatch, ScoredPrefix

TRIED = torch.arange(40, 48)[:, None]
NEAR = ScoredPrefix((325,), torch.zeros(3, dtype=torch.double), penalty=0.0)


def naive(objective, prefixes, items):
    losses = objective.losses(prefixes, items).mean(dim=1)
    return (int(prefixes[losses.argmin()]), float(losses.min()))


def test_the_best_of_all_is_that_of_a_loop(distance_to, task_of):
    objective = distance_to(" cat")
    best = ScoredBatch.score_all(PrefixScorer(task_of(objective)), TRIED, [2, 0], parent=NEAR).best
    token, loss = naive(objective, TRIED, [2, 0])
    assert best.ids == (token,)
    assert abs(best.total - loss) < 1e-6


def test_where_the_items_agree_a_race_has_the_same_winner_for_fewer_readings(distance_to, task_of):
    objective = distance_to(" cat")
    whole, race = task_of(objective), task_of(objective)
    best = ScoredBatch.score_all(PrefixScorer(whole), TRIED, [2, 0, 1], parent=NEAR).best
    first = ScoredBatch.score_leaders(PrefixScorer(race), TRIED, [2, 0, 1], parent=NEAR).best
    assert first.ids == best.ids
    assert torch.allclose(first.losses, best.losses)
    assert (whole.budget.spent, race.budget.spent) == (8 * 3, 8 + 2 * 2)


def test_a_race_over_one_item_is_won_there(distance_to, task_of):
    objective = distance_to(" cat")
    assert ScoredBatch.score_leaders(
        PrefixScorer(task_of(objective)), TRIED, [1], parent=NEAR
    ).best.ids == (naive(objective, TRIED, [1])[0],)


def test_penalties_count_in_a_race(distance_to, task_of):
    objective = distance_to(" cat")
    task = task_of(objective, ban=("cat",), ban_weight=1_000.0)
    cat = objective.model.tokenizer(" cat dog", add_special_tokens=False).input_ids
    assert ScoredBatch.score_leaders(
        PrefixScorer(task), torch.tensor(cat)[:, None], [0, 1], parent=NEAR
    ).best.ids != (cat[0],)
