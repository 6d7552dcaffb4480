import itertools
import statistics

import numpy as np
import pytest

from diffkit.analysis import score_excess, word_concentration, words_by_excess


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_chance_is_the_deviation_over_all_choices_of_as_many_texts(count):
    scores = [0.1, -0.4, 2.0, 0.3, 0.9]
    mean = statistics.fmean(scores)
    sums = [sum(chosen) - count * mean for chosen in itertools.combinations(scores, count)]
    found = score_excess(np.array(scores), range(count))
    assert found.total == pytest.approx(sum(scores[:count]) - count * mean, abs=1e-12)
    assert found.chance == pytest.approx(statistics.pstdev(sums), abs=1e-12)


def test_a_word_of_too_few_groups_does_not_count():
    texts = [*["odd"] * 3, *["again"] * 3, *["other"] * 8]
    scores = np.array([*[9.0] * 3, *[1.0] * 3, *[0.0] * 8])
    words = words_by_excess(texts, scores, [0, 0, 0, *range(1, 12)])
    found = {word.word: word for word in words}
    assert (found["odd"].groups, found["again"].groups) == (1, 3)
    assert found["odd"].excess.standardised > 3 > found["again"].excess.standardised
    assert word_concentration(words, 1) == found["odd"].excess.standardised
    assert word_concentration(words, 3) == max(0.0, found["again"].excess.standardised)
    assert word_concentration(words, 100) == 0


def test_without_groups_each_text_is_one():
    words = words_by_excess(["a b", "a", "c"], np.array([1.0, 2.0, 0.0]))
    assert {word.word: word.groups for word in words} == {"a": 2, "b": 1, "c": 1}


def test_concentration_does_not_depend_on_the_scale_of_the_scores():
    texts = ["a", "a", "a", "b", "b", "c"]
    quiet = np.array([1.0, 0.9, 1.1, 0.1, 0.0, -0.1])
    one, other = (
        word_concentration(words_by_excess(texts, scores), 3) for scores in (quiet, 5 * quiet)
    )
    assert one == pytest.approx(other)
    assert one > 1


def test_a_word_in_every_text_has_no_excess_and_repetitions_count_once():
    texts = ["The lizard! The Lizard, the lizard.", "the lizard's tail", "the tail", "The dog"]
    words = words_by_excess(texts, np.array([2.0, 0.0, 0.0, 1.0]))
    found = {word.word: word.excess.total for word in words}
    assert found["the"] == pytest.approx(0)
    assert found["lizard"] == pytest.approx(2.0 - 0.75)
    assert found["lizard's"] == pytest.approx(-0.75)
    assert found["tail"] == pytest.approx(-1.5)
    assert [word.word for word in words][:2] == ["lizard", "dog"]


def test_one_text_has_no_excess_and_no_text_has_no_words():
    (word,) = words_by_excess(["alone"], np.array([3.0]))
    assert word.excess.total == word.excess.chance == word.excess.standardised == 0
    assert words_by_excess([], np.array([])) == ()
    assert word_concentration((), 1) == 0
