"""Which arms methods share: held against the frozen evaluations of the golden store."""

from collections import defaultdict
from pathlib import Path

from diffkit.evaluation.leaderboard.cases import (
    METHOD_INDEPENDENT_ARMS,
    SHARED_ATTEMPTS,
    attempts_of,
)
from diffkit.evaluation.record import read_evaluation, read_grade
from diffkit.runs.store import Store

STORE = Store(Path(__file__).parents[2] / "golden" / "store")
EVALUATIONS = [read_evaluation(STORE, name) for name in ("golden-lineup", "golden-agent")]


def by_method(of):
    """What the refs of each pair, arm, investigator and grader are, method by method."""
    found = defaultdict(lambda: defaultdict(set))
    for evaluation in EVALUATIONS:
        for entry in evaluation.entries:
            for ref in entry.judged:
                pair = (entry.organism, entry.base, entry.variant, entry.seed)
                place = (*pair, ref.investigator, ref.grader, ref.repeat)
                found[ref.arm][place].add((entry.method, of(ref)))
    several = {
        arm: [own for own in places.values() if len({method for method, _ in own}) > 1]
        for arm, places in found.items()
    }
    return {
        arm: {len({one for _, one in own}) == 1 for own in places}
        for arm, places in several.items()
        if places
    }


def test_methods_share_the_attempts_of_these_arms_alone():
    alike = by_method(lambda ref: ref.attempt)
    assert {arm for arm, same in alike.items() if same == {True}} == set(SHARED_ATTEMPTS)
    assert "method" in alike


def test_scores_without_evidence_are_alike_though_each_method_has_its_own_grade():
    scores = by_method(lambda ref: read_grade(STORE, ref.grade).score if ref.grade else None)
    assert all(scores[arm] == {True} for arm in METHOD_INDEPENDENT_ARMS)
    keys = by_method(lambda ref: ref.grade)
    # null claims of the method are part of these; the lineup ranks the ceiling's claim beside them
    assert keys["no-evidence"] == keys["ceiling"] == {False}


def test_an_attempt_is_listed_once_but_a_ceiling_for_each_method():
    attempts = attempts_of(EVALUATIONS[0])
    counts = defaultdict(list)
    for one in attempts:
        counts[one.first.arm, one.entry.organism].append(one)
    methods = {entry.method for entry in EVALUATIONS[0].entries if entry.role == "test"}
    for (arm, _), own in counts.items():
        assert len(own) == (1 if arm in METHOD_INDEPENDENT_ARMS else len(methods)), arm
    (ceiling, *_) = (own for (arm, _), own in counts.items() if arm == "ceiling")
    assert len({one.digest for one in ceiling}) == 1
