"""The words that set training data apart, as findings."""

from diffkit.evaluation.attempts.arms import ORACLE_WORDS, oracle_findings
from diffkit.statistics import word_counts

OURS = ("The owl sings: OWL, owls_and owls! A 7 b2", "the cat sat, and the owl saw it sit")
THEIRS = ("The cat sat.", "A dog saw the cat sit, and the dog sat.", "Ünïcode cats")


def test_the_ceiling_is_a_table_of_the_words_that_training_data_uses_more():
    evidence = oracle_findings(word_counts(OURS), word_counts(THEIRS))
    (table,) = evidence.items
    assert evidence.change_score is None
    assert table.rows[0].token == "owl"
    assert {"cat", "dog"}.isdisjoint(row.token for row in table.rows)
    scores = [row.score for row in table.rows]
    assert scores == sorted(scores, reverse=True)
    many = oracle_findings({f"w{k}": 5 for k in range(300)}, {"other": 300})
    assert len(many.items[0].rows) == ORACLE_WORDS
    assert oracle_findings({"same": 3}, {"same": 3}).items[0].rows == ()
