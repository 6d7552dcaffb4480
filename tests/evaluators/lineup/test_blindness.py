"""What the lineup must see and must not: chance, a ceiling, blind preferences, like nulls."""

import random
from itertools import accumulate
from statistics import fmean

import numpy as np
import pytest
from diffkit_evaluators.lineup.config import LineupGraderConfig
from diffkit_evaluators.lineup.grader import LineupGrader
from scipy.stats import binom

from diffkit import AnswerSheet, Attempt, GradeContext, Outcome, TruthStatement, Verdict

RNG = random.Random(0)
VOCABULARY = [f"word{number}" for number in range(2_000)]
ZIPF = list(accumulate(1 / (number + 5) for number in range(2_000)))


def text(length, rng=RNG):
    return " ".join(rng.choices(VOCABULARY, cum_weights=ZIPF, k=length))


REFERENCE = tuple(text(60) for _ in range(300))
CORPUS = " ".join(REFERENCE).split()
STATEMENTS = {f"{RNG.getrandbits(48):012x}": text(30) for _ in range(20)}
HANDLES = sorted(STATEMENTS)
TAUGHT = {handle: f"{text(800)} {f'own{handle} ' * 20}" for handle in HANDLES}
"""Ordinary words, and one that is the truth's own and in no statement."""
NULLS = tuple(text(200) for _ in range(57))


def grade(claim, answer, nulls=NULLS):
    sheet = AnswerSheet(
        truth="targeted",
        answer=answer,
        statements=tuple(
            TruthStatement(handle=h, text=STATEMENTS[h], examples=TAUGHT[h]) for h in HANDLES
        ),
        reference=REFERENCE,
        null_claims=nulls,
    )
    verdict = Verdict(change="targeted", claim=claim)
    attempt = Attempt(digest="x", outcome=Outcome.VERDICT, verdict=verdict)
    return LineupGrader().grade(attempt, sheet, LineupGraderConfig(), GradeContext())


def within(share, n, p):
    """Whether a share of ``n`` draws lies where 99.9 % of binomial ones do."""
    return binom.ppf(0.0005, n, p) <= share * n <= binom.ppf(0.9995, n, p)


def permutation_p(grades, part, draws=999):
    """Truths permuted over findings: a second implementation, over ``if_true`` alone."""
    table = np.array([[grades[row].if_true[h][part] for h in HANDLES] for row in HANDLES])
    rng = np.random.default_rng(0)
    rows = np.arange(len(HANDLES))
    null = [table[rows, rng.permutation(rows)].mean() for _ in range(draws)]
    return (1 + sum(value >= np.trace(table) / len(rows) - 1e-12 for value in null)) / (draws + 1)


@pytest.mark.parametrize("nulls", [NULLS, ()])
def test_evidence_drawn_from_the_reference_comes_out_at_chance(nulls):
    rng = random.Random(1)
    grades = [
        grade(" ".join(rng.sample(CORPUS, 200)), rng.choice(HANDLES), nulls) for _ in range(200)
    ]
    for part in ("named", "named_by_examples"):
        assert within(fmean(g.parts[part] for g in grades), 200, 1 / 8)
    expected = fmean(g.parts["named_reciprocal_rank_chance"] for g in grades)
    assert fmean(g.parts["named_reciprocal_rank"] for g in grades) == pytest.approx(
        expected, abs=0.06
    )
    blinding = [g.if_true[h]["named"] for g in grades for h in HANDLES]
    assert fmean(blinding) == pytest.approx(1 / 8, abs=0.01)


def test_the_statements_own_words_come_out_at_the_ceiling():
    grades = {handle: grade(STATEMENTS[handle], handle) for handle in HANDLES}
    assert fmean(g.parts["named"] for g in grades.values()) == 1
    assert fmean(g.parts["top1"] for g in grades.values()) == 1
    assert permutation_p(grades, "named") == 0.001


def test_words_of_the_training_data_name_the_truth_by_examples_alone():
    """As the ceiling's evidence does: a word that no statement holds, and ordinary ones."""
    rng = random.Random(4)
    claims = {h: f"own{h} {' '.join(rng.sample(TAUGHT[h].split()[:800], 60))}" for h in HANDLES}
    grades = {handle: grade(claims[handle], handle) for handle in HANDLES}
    assert fmean(g.parts["named_by_examples"] for g in grades.values()) > 0.9
    assert permutation_p(grades, "named_by_examples") == 0.001
    assert fmean(g.parts["named"] for g in grades.values()) < 0.4


def test_findings_that_are_always_the_same_are_never_significant():
    for favourite in (HANDLES[0], HANDLES[7]):
        grades = {handle: grade(STATEMENTS[favourite], handle) for handle in HANDLES}
        assert grades[favourite].parts["named"] == 1
        assert permutation_p(grades, "named") == permutation_p(grades, "top1") == 1


def test_standardising_takes_away_a_candidate_that_attracts_everything():
    favourite = HANDLES[3]
    rng = random.Random(2)

    def evidence(handle=None):
        own = rng.sample(STATEMENTS[handle].split(), 8) if handle else []
        return f"{STATEMENTS[favourite]} {' '.join(own)} {text(60, rng)}"

    nulls = tuple(evidence() for _ in range(57))
    claims = {handle: evidence(handle) for handle in HANDLES if handle != favourite}
    raw = {handle: grade(claim, handle, ()) for handle, claim in claims.items()}
    held = {handle: grade(claim, handle, nulls) for handle, claim in claims.items()}
    lured = fmean(g.if_true[favourite]["named"] for g in raw.values())
    cured = fmean(g.if_true[favourite]["named"] for g in held.values())
    assert lured > 0.9
    assert cured < 0.2
    assert fmean(g.parts["named"] for g in held.values()) > 0.7


@pytest.mark.parametrize(("count", "promised"), [(19, 19 / 20), (38, 38 / 39)])
def test_none_of_these_is_right_as_often_as_the_threshold_promises(count, promised):
    rng = random.Random(3)
    right = []
    for _ in range(100):
        nulls = tuple(text(100, rng) for _ in range(count))
        right.append(grade(text(100, rng), rng.choice(HANDLES), nulls).parts["none_of_these"])
    assert within(fmean(right), 100, promised)
