"""Words and their log-odds, against second implementations."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from diffkit.statistics import content_words, log_odds, word_counts

OURS = ("The owl sings: OWL, owls_and owls! A 7 b2", "the cat sat, and the owl saw it sit")
THEIRS = ("The cat sat.", "A dog saw the cat sit, and the dog sat.", "Ünïcode cats")


def test_words_come_in_the_text_s_order_and_as_often_as_they_stand_there():
    assert list(content_words("The OWL saw_an owl, b2 a 7")) == ["owl", "saw", "owl", "b2"]


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
