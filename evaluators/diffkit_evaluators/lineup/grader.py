"""The grader that needs no language model."""

import numpy as np
from scipy.stats import rankdata
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from diffkit import Attempt, Exam, Grade, Grader
from diffkit_evaluators.lineup.config import MatchConfig
from diffkit_evaluators.lineup.words import WORD


class LineupGrader(Grader[MatchConfig]):
    """Ranks the truths on the same base, and "nothing targeted", by likeness to the claim."""

    def grade(self, attempt: Attempt, exam: Exam, config: MatchConfig) -> Grade:
        """Scores 1 where the right choice ranks first alone; ties share the middle rank.

        Choices are the distinct truths and "nothing targeted". The latter has no text: it comes
        first where the verdict says that nothing targeted was done, else last. Whoever says
        nothing (no verdict, or unsure and without a claim) leaves every choice tied.

        Chance is that of the best blind guesser. Where something targeted was done, that is one
        who always says so and draws among the truths; with one truth alone he cannot fail.
        Elsewhere it is one who draws among all choices.
        """
        del config
        choices = len(exam.statements) + 1
        silent = _silent(attempt)
        rank = (choices + 1) / 2 if silent else _rank(attempt, exam)
        guesses = np.arange(1, choices + 1 if exam.answer is None else choices)
        return Grade(
            score=float(rank == 1 and not silent),
            chance=1 / len(guesses),
            parts={
                "rank": rank,
                "reciprocal_rank": 1 / rank,
                "reciprocal_rank_chance": float((1 / guesses).mean()),
                "choices": choices,
            },
            reasons=f"The right choice came {rank:g} of {choices}.",
        )


def _silent(attempt: Attempt) -> bool:
    verdict = attempt.verdict
    return verdict is None or (verdict.change == "unsure" and not verdict.claim)


def _rank(attempt: Attempt, exam: Exam) -> float:
    """Mid-rank of the right choice, 1 is first."""
    verdict = attempt.verdict
    nothing_first = verdict is not None and verdict.change in {"none", "unspecific"}
    if exam.answer is None:
        return 1.0 if nothing_first else len(exam.statements) + 1.0
    ranks = rankdata(-_likeness((verdict.claim if verdict else "") or "", exam))
    handles = [statement.handle for statement in exam.statements]
    return float(ranks[handles.index(exam.answer)]) + nothing_first


def _likeness(claim: str, exam: Exam) -> np.ndarray:
    """Cosine of the claim to each statement, [statements].

    Words are weighted by 1 / log2(1 + rank) in the claim, as in discounted cumulative gain
    (Järvelin and Kekäläinen 2002), and by inverse document frequency in ordinary texts.
    """
    texts = [statement.text for statement in exam.statements]
    idf = TfidfVectorizer(token_pattern=WORD.pattern, sublinear_tf=True, norm=None)
    idf.fit([*exam.reference, *texts])
    words = [word for word in claim.split() if word in idf.vocabulary_]
    row = np.zeros((1, len(idf.vocabulary_)))
    for rank, word in enumerate(words, 1):
        column = idf.vocabulary_[word]
        row[0, column] = idf.idf_[column] / np.log2(1 + rank)
    return np.asarray(cosine_similarity(row, idf.transform(texts))[0])
