"""What stands in for a method's findings in control rows."""

import pytest
from builders import planned_run

from diffkit.evaluation.attempts import base_only, other_truths_run, random_null_run
from diffkit.findings import (
    Candidate,
    Findings,
    Note,
    Sample,
    Samples,
    TokenScore,
    TokenTable,
    TokenTrace,
    TracedToken,
)


def under(**conditions):
    return [
        *(planned_run(f"o{k}", truth=f"Truth {k}.", **conditions) for k in range(5)),
        planned_run("o0", "small", truth="Truth 0.", **conditions),
        planned_run("again", truth="Truth 1.", **conditions),
        *(planned_run("noise", f"v{k}", **conditions) for k in range(2)),
    ]


@pytest.fixture(scope="module")
def runs():
    return [*under(), *under(method="lens"), *under(seed=1), *under(base="two")]


def test_swapped_gives_every_truth_to_one_other(runs):
    here = [one for one in runs if one.answer]
    stand_ins = {one.run_id: other_truths_run(runs, one) for one in here}
    for one in here:
        assert stand_ins[one.run_id].answer != one.answer
        assert stand_ins[one.run_id].conditions == one.conditions
    given = {(one.conditions, one.answer, stand_ins[one.run_id].answer) for one in here}
    taken = {(conditions, other) for conditions, _, other in given}
    assert len(given) == len(taken) == 4 * 5  # the same for all cells of a truth, and each once
    assert len({(answer, other) for _, answer, other in given}) == 5  # the same for every method


def test_swapped_prefers_the_same_variant(runs):
    small = next(one for one in runs if one.pair.selected.variant == "small")
    assert other_truths_run(runs, small).pair.selected.variant == "default"
    to_small = [other_truths_run(runs, one).pair.selected.variant for one in under() if one.answer]
    assert "small" not in to_small


def test_one_truth_alone_cannot_be_swapped():
    alone = [
        planned_run("a", truth="T."),
        planned_run("b", truth="T."),
        planned_run("n"),
        planned_run("c", truth="U.", seed=1),
    ]
    assert other_truths_run(alone, alone[0]) is None


def test_random_nulls_are_dealt_to_truths(runs):
    here = [one for one in runs if one.answer]
    dealt = {(one.answer, random_null_run(runs, one).pair.selected.variant) for one in here}
    assert len(dealt) == 5  # the same for all cells of a truth, and under all conditions
    assert {variant for _, variant in dealt} == {"v0", "v1"}
    for one in here:
        assert random_null_run(runs, one).conditions == one.conditions
    drawn = [planned_run("a", truth="T."), planned_run("n", role="calibration")]
    assert random_null_run(drawn, drawn[0]) is None


def test_base_only_keeps_what_the_base_side_says():
    yes, no = (Candidate(token=token, probability=0.5) for token in ("yes", "no"))
    said = TracedToken(token="a", score=2, base=(yes,), finetuned=(no,))
    first = TracedToken(token="b")
    evidence = Findings(
        change_score=3,
        metrics={"kl_nats": 3},
        items=(
            TokenTable(title="t", unit="nats", rows=(TokenScore(token="no", score=1),)),
            Samples(title="s", rows=(Sample(prompt="p", base="old", finetuned="new", score=3),)),
            TokenTrace(title="t", unit="nats", tokens=(first, said)),
            TokenTrace(title="t", unit="nats", tokens=(first,)),
            Note(text="new"),
        ),
    )
    left = base_only(evidence)
    assert (left.change_score, left.metrics) == (None, {})
    samples, trace = left.items
    assert samples.rows == (Sample(prompt="p", base="old", finetuned="old"),)
    assert trace.tokens == (first, TracedToken(token="a", score=2, finetuned=(yes,)))
    assert "new" not in left.model_dump_json()
    assert base_only(Findings(change_score=0, items=(Note(text="Nothing."),))) == Findings()


def test_what_one_model_says_under_two_conditions_is_not_the_base_s():
    row = Sample(prompt="?", base="as ever", finetuned="otherwise")
    steered = Samples(title="Steered", sides=("unsteered", "steered"), rows=(row,))
    assert base_only(Findings(change_score=1, items=(steered,))) == Findings()
