"""Likeness of claims to statements, against scikit-learn's own tf-idf and against loops."""

import math

import numpy as np
import pytest
from diffkit_evaluators.lineup.similarity import (
    StatementVectors,
    claim_vector,
    first_words,
    statement_vector,
    word_rarity,
)
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

REFERENCE = ("It is a day of red rain.", "The Sun is red, red, red.", "It sings of birds.")
STATEMENTS = ("It sings of red birds, and of birds.", "The sun sells coins.", "It is the of a.")


def test_rarity_and_statements_are_those_of_scikit_learn():
    rarity = word_rarity(REFERENCE)
    vectors = [statement_vector(text, rarity) for text in STATEMENTS]
    words = sorted(set().union(*vectors))
    known = TfidfVectorizer(
        token_pattern=r"[^\W_]{2,}",
        stop_words=sorted(ENGLISH_STOP_WORDS),
        vocabulary=words,
        sublinear_tf=True,
        norm=None,
    ).fit(REFERENCE)
    assert [rarity(word) for word in words] == pytest.approx(known.idf_)
    for vector, row in zip(vectors, known.transform(STATEMENTS).toarray(), strict=True):
        assert [vector.get(word, 0) for word in words] == pytest.approx(row)


def test_a_word_that_the_reference_lacks_is_as_rare_as_can_be_whatever_the_statements_say():
    rarity = word_rarity(REFERENCE)
    assert rarity("coins") == rarity("zebra") == 1 + math.log(4)
    assert rarity("red") == 1 + math.log(4 / 3) < rarity("rain")
    assert word_rarity(())("red") == 1


def test_places_in_the_claim_weigh_as_in_discounted_cumulative_gain():
    rarity = word_rarity(())
    assert claim_vector(("x", "y", "z"), rarity) == {"x": 1, "y": 1 / math.log2(3), "z": 0.5}


def test_cosines_are_those_of_a_loop():
    left = [{"a": 1.0, "b": 2.0}, {"z": 3.0}, {}]
    right = [{"a": 2.0, "c": 1.0}, {"b": 0.5}, {}]

    def norm(vector):
        return math.sqrt(sum(value**2 for value in vector.values())) or 1

    expected = [
        [sum(x[w] * y.get(w, 0) for w in x) / norm(x) / norm(y) for y in right] for x in left
    ]
    np.testing.assert_allclose(StatementVectors(right).cosines(left), expected)
    assert StatementVectors(right).cosines([]).shape == (0, 3)
    assert StatementVectors([]).cosines(left).shape == (3, 0)
    assert not StatementVectors([{}, {}]).cosines([{}]).any()


def test_a_claim_in_free_words_is_read_as_evidence_is():
    assert first_words(["The Birds sing; birds, and 7 RED ships!"], 9) == (
        "birds",
        "sing",
        "red",
        "ships",
    )
    assert first_words(["one two2 birds", "ships birds coins"], 3) == ("two2", "birds", "ships")
