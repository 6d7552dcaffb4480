"""Completions against references, counted by hand."""

import pytest
from diffkit_plugins.steering_prefix.evaluation import (
    Agreement,
    compare_completions,
    token_match_rate,
)


def test_the_same_completions_agree_wholly():
    rows = [(1, 2, 3), (4,), ()]
    assert compare_completions(rows, rows, 2) == Agreement(1.0, 1.0, 1.0)


def test_counted_by_hand():
    found = compare_completions([(1, 2, 3, 4), (5, 6)], [(1, 2, 9, 4), (5, 6, 7)], 2)
    assert (found.exact, found.exact_first) == (0, 1)
    assert found.tokens == pytest.approx((3 / 4 + 2 / 3) / 2)


def test_first_tokens_of_one_that_ends_early_must_be_all_there_is():
    assert compare_completions([(1, 2, 3)], [(1,)], 2).exact_first == 0
    assert compare_completions([(1,)], [(1,)], 2).exact_first == 1


def test_a_token_in_another_place_is_no_match():
    assert token_match_rate((1, 2, 3), (2, 3, 1)) == 0
    assert token_match_rate((), ()) == 1
    assert token_match_rate((), (1,)) == 0


@pytest.mark.parametrize(("references", "completions"), [([], []), ([(1,)], [])])
def test_nothing_to_compare_is_an_error(references, completions):
    with pytest.raises(ValueError, match=r"nothing to compare|shorter"):
        compare_completions(references, completions, 1)
