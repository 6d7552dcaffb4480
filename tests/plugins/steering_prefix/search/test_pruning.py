import pytest
from diffkit_plugins.steering_prefix.config import SearchOptions
from diffkit_plugins.steering_prefix.search import PrefixScorer, SearchResult
from diffkit_plugins.steering_prefix.search.run import prune, pruning_reserve


@pytest.fixture
def says_cat(closed_form, tiny_model):
    """Squared distance of the nearest token to a cat, and a little for each token."""
    (cat,) = tiny_model.embed(
        tiny_model.tokenizer(" cat", add_special_tokens=False, return_tensors="pt").input_ids
    )[0]

    def loss(here):
        return (here - cat).square().sum(dim=2).min(dim=1).values + 0.01 * here.shape[1]

    return closed_form(loss)


@pytest.fixture
def pruned(says_cat, task_of):
    def make(text, **options):
        task = task_of(says_cat, **options)
        ids = says_cat.model.tokenizer(text, add_special_tokens=False, return_tensors="pt")
        loss = float(says_cat.losses(ids.input_ids, range(3)).mean())
        best = prune(PrefixScorer(task), SearchResult(tuple(ids.input_ids[0].tolist()), loss, ()))
        return task.space.text(best.ids), best.loss

    return make


def test_what_does_nothing_is_taken_out(pruned):
    text, loss = pruned(" dog cat is the")
    assert text == " cat"
    assert loss == pytest.approx(0.01)


def test_at_least_one_token_stays(pruned):
    assert pruned(" dog", prune_tolerance=10.0)[0] == " dog"


def test_what_is_missed_stays(pruned):
    assert pruned(" cat")[0] == " cat"


def test_a_tolerance_lets_the_loss_grow_for_each_token(pruned, says_cat, task_of):
    says_cat.scales = -says_cat.scales  # fewer tokens are now worse, by 0.01 each
    assert pruned(" cat cat cat", prune_tolerance=0.0)[0] == " cat cat cat"
    assert pruned(" cat cat cat", prune_tolerance=0.011)[0] == " cat"


def test_what_would_say_a_banned_word_is_not_left(pruned):
    assert pruned("do cat g", ban=("dog",), prune_tolerance=10.0)[0] != "dog"


def test_without_budget_nothing_is_read(says_cat, task_of):
    task = task_of(says_cat)
    task.budget.spent = task.budget.total
    found = SearchResult((5, 6, 7), 1.0, ())
    assert prune(PrefixScorer(task), found).ids == found.ids


@pytest.mark.parametrize(("budget", "kept_back"), [(6_000, 48), (100, 10)])
def test_two_rounds_are_set_aside_but_at_most_a_tenth(budget, kept_back):
    assert pruning_reserve(SearchOptions(length=6, budget=budget), items=3) == kept_back


def test_the_rounds_end_with_the_budget(pruned, says_cat):
    text, _ = pruned(" dog cat is the", budget=16)
    assert len(text.split()) == 3
    assert says_cat.readings <= 3 + 16
