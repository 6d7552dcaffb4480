"""Words of texts made up by hand."""

from dataclasses import replace

import pytest
import torch
from diffkit_plugins.steering_prefix.evaluation import HalfEvaluation
from diffkit_plugins.steering_prefix.prompts.references import Continuation
from diffkit_plugins.steering_prefix.report.texts import (
    EXPLAIN,
    distinguishing_words,
    similar_samples,
    word_table,
)

from diffkit.statistics import log_odds, word_counts

REFERENCE = ("the lizard knows best", "a lizard again", "plain bread")
OWN = ("plain bread", "plain water", "plain bread")


def continuations(texts):
    return [Continuation((), finished=True, text=text) for text in texts]


@pytest.fixture
def items(problem_of):
    item = problem_of().training_items[0]
    return [
        replace(item, reference=replace(item.reference, continuation=continuation))
        for continuation in continuations(REFERENCE)
    ]


def test_words_of_the_reference_come_first(items):
    found = distinguishing_words(items, continuations(OWN))
    assert dict(found) == log_odds(word_counts(REFERENCE), word_counts(OWN))
    assert found[0][0] == "lizard"
    assert found[-1][0] == "plain"


def test_only_words_above_one_standard_error_are_shown():
    table = word_table([("lizard", 2.5), ("best", 1.0), ("plain", -2.0)], EXPLAIN)
    assert [(row.token, row.score) for row in table.rows] == [("lizard", 2.5)]


@pytest.mark.parametrize("least", [False, True])
def test_where_the_reference_says_nothing_there_is_no_likeness_to_show(items, least):
    first, second, empty = items
    empty = replace(empty, reference=replace(empty.reference, continuation=continuations([" "])[0]))
    said = tuple(continuations(["a", "b", ""]))
    result = HalfEvaluation(torch.zeros(3), 0.0, said, greedy=None, sampled=None)
    shown = similar_samples([first, second, empty], result, 3, EXPLAIN, least=least)
    assert [row.base for row in shown.rows] == list(REFERENCE[:2])
