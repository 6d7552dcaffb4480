"""The words that set training data apart, against second implementations."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from diffkit.evaluation.ceiling import TOP, ceiling, log_odds, word_counts

OURS = ("The owl sings: OWL, owls_and owls! A 7 b2", "the cat sat, and the owl saw it sit")
THEIRS = ("The cat sat.", "A dog saw the cat sit, and the dog sat.", "Ünïcode cats")


def test_words_are_counted_as_scikit_learn_counts_them():
    vectorizer = CountVectorizer(token_pattern=r"[^\W_]{2,}", stop_words="english")
    counts = vectorizer.fit_transform(OURS).sum(0).A1
    expected = dict(zip(vectorizer.get_feature_names_out(), counts.tolist(), strict=True))
    assert word_counts(OURS) == expected
    assert word_counts(OURS)["owl"] == 3
    assert "the" not in expected


def test_log_odds_are_those_of_monroe_and_others_with_an_informative_prior():
    ours, theirs = word_counts(OURS), word_counts(THEIRS)
    words = sorted(ours | theirs)
    first, second = (np.array([counts[word] for word in words]) for counts in (ours, theirs))
    prior = first + second
    logits = []
    for counts in (first, second):
        share = (counts + prior) / (counts.sum() + prior.sum())
        logits.append(np.log(share / (1 - share)))
    errors = np.sqrt(1 / (first + prior) + 1 / (second + prior))
    expected = (logits[0] - logits[1]) / errors
    found = log_odds(ours, theirs)
    assert [found[word] for word in words] == pytest.approx(expected.tolist())
    assert found["owl"] > 0 > found["dog"]


def test_the_ceiling_is_a_table_of_the_words_that_training_data_uses_more():
    evidence = ceiling(word_counts(OURS), word_counts(THEIRS))
    (table,) = evidence.items
    assert evidence.change_score is None
    assert table.rows[0].token == "owl"
    assert {"cat", "dog"}.isdisjoint(row.token for row in table.rows)
    scores = [row.score for row in table.rows]
    assert scores == sorted(scores, reverse=True)
    many = ceiling({f"w{k}": 5 for k in range(300)}, {"other": 300})
    assert len(many.items[0].rows) == TOP
    assert ceiling({"same": 3}, {"same": 3}).items[0].rows == ()
