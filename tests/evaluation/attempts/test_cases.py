"""Cases: an arm is a difference in the data alone, and what is the same is asked once."""

from dataclasses import replace

import pytest
from builders import planned_run, run_of
from diffkit_evaluators.lineup.investigator import LineupInvestigator

from diffkit.evaluation.attempts import ArmInput, CaseBuilder
from diffkit.evaluation.attempts import cases as module
from diffkit.evaluation.calibration import CalibrationScores, calibration_scores
from diffkit.findings import Findings, Note, Sample, Samples
from diffkit.grader import TruthStatement

TOLD = Findings(change_score=2.0, items=(Note(text="It moved."),))


def reader(*needs, stochastic=False):
    return type(
        "Reader", (LineupInvestigator,), {"needs": frozenset(needs), "stochastic": stochastic}
    )()


MODELS = reader("models", stochastic=True)
NOTHING = reader()


@pytest.fixture(autouse=True)
def subjects(monkeypatch):
    """No model needs to be there."""
    monkeypatch.setattr(module, "pair_digest", lambda spec: spec.base.at * 8)


@pytest.fixture
def make(tmp_path):
    def one(findings=TOLD, name="o", **fields):
        place = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        return replace(planned_run(name, truth="T.", **fields), result=run_of(findings, place))

    return one


def case(arm_input, who=MODELS, nulls=None, statements=None):
    return CaseBuilder(nulls or {}, statements or {}).build(arm_input, who)


def test_arms_differ_in_data_alone(make):
    own = make()
    read = case(ArmInput(own, "method", (own,)))
    asked = case(ArmInput(own, "blackbox"))
    nothing = case(ArmInput(own, "no-evidence"))
    assert (len(read.evidence), read.questions) == (1, True)
    assert (asked.evidence, asked.questions) == ((), True)
    assert (nothing.evidence, nothing.questions) == ((), False)
    assert read.handle == asked.handle != nothing.handle
    assert set(read.model_dump()) == {"handle", "evidence", "questions", "candidates"}  # no arm


def test_empty_findings_are_no_evidence(make):
    own = make(Findings())
    assert case(ArmInput(own, "method", (own,))) == case(ArmInput(own, "blackbox"))
    read = case(ArmInput(own, "method", (own,)), NOTHING)
    assert read == case(ArmInput(own, "no-evidence"), NOTHING)
    only_notes = make(Findings(items=(Note(text="Nothing."),)))
    silent = case(ArmInput(only_notes, "base-only", (only_notes,)), NOTHING)
    assert silent == case(ArmInput(own, "no-evidence"), NOTHING)


def test_another_pair_s_findings_are_read_beside_the_own_models(make):
    own, other = make(), make(Findings(change_score=9.0), "p")
    swap = case(ArmInput(own, "evidence-swap", (other,)))
    assert swap.evidence[0].findings.change_score == 9
    assert swap.questions
    without = case(ArmInput(own, "evidence-swap", (other,)), NOTHING)
    assert without == case(ArmInput(other, "method", (other,)), NOTHING)  # asked once


def test_several_methods_are_read_together_and_a_failed_run_is_left_out(make):
    first, second = make(), make(Findings(change_score=1.0), method="lens")
    failed = planned_run("o", truth="T.", method="gone")
    both = case(ArmInput(first, "combined", (first, second, failed)))
    assert [one.method for one in both.evidence] == ["kl", "lens"]
    assert case(ArmInput(failed, "method", (failed,))) is None
    assert case(ArmInput(failed, "blackbox")) is not None


def test_a_null_is_held_against_the_other_nulls(make, tmp_path):
    runs = [
        replace(
            planned_run("n", f"v{k}", role="calibration", null_type="random"),
            result=run_of(Findings(change_score=float(k)), tmp_path, f"run-{k}"),
        )
        for k in range(3)
    ]
    nulls = calibration_scores(runs)
    (evidence,) = case(ArmInput(runs[1], "method", (runs[1],)), nulls=nulls).evidence
    assert evidence.nulls[0].scores == (0.0, 2.0)
    own = make()
    (evidence,) = case(ArmInput(own, "method", (own,)), NOTHING, nulls=nulls).evidence
    assert evidence.nulls[0].scores == (0.0, 1.0, 2.0)
    (alike,) = case(ArmInput(own, "method", (own,)), nulls=nulls).evidence
    assert len(alike.nulls[0].scores) == 2  # it cannot be told from a null by their number
    assert CalibrationScores({"benign": {"x": None}}).others("y")[0].scores == ()


def test_the_nulls_of_several_methods_are_told_pair_by_pair(make, tmp_path):
    """Row by row one null, whatever the order of the runs, and none where a run failed."""
    scores = {"kl": (3.0, 1.0, 2.0), "lens": (0.1, 0.3, None)}
    runs = []
    for method, values in scores.items():
        for place, score in enumerate(values) if method == "kl" else reversed([*enumerate(values)]):
            null = planned_run(
                "n", f"v{place}", method=method, role="calibration", null_type="random"
            )
            found = run_of(Findings(change_score=score), tmp_path, f"{method}-{place}")
            runs.append(replace(null, result=found) if score is not None else null)
    nulls = calibration_scores(runs)
    first, second = make(), make(Findings(change_score=1.0), method="lens")
    arm_input = ArmInput(first, "combined", (first, second))
    (joint,) = case(arm_input, NOTHING, nulls=nulls).joint_nulls
    assert joint.rung == "random"
    assert joint.scores == ((1.0, 0.3), (2.0, None), (3.0, 0.1))
    # A null is compared with the others; a language model is not told how many there are.
    own = [run for run in runs if run.pair.selected.variant == "v0"]
    (joint,) = case(ArmInput(own[0], "combined", tuple(own)), NOTHING, nulls=nulls).joint_nulls
    assert joint.scores == ((1.0, 0.3), (2.0, None))
    assert not case(arm_input, nulls=nulls).joint_nulls
    assert not case(ArmInput(first, "method", (first,)), NOTHING, nulls=nulls).joint_nulls


def test_the_base_alone_has_no_score_and_no_tools(make):
    row = Sample(prompt="?", base="old", finetuned="new")
    own = make(Findings(change_score=2.0, items=(Samples(title="s", rows=(row,)),)))
    arm_input = ArmInput(own, "base-only", (own,))
    (evidence,) = case(arm_input).evidence
    assert evidence.findings.change_score is None
    assert (evidence.method, evidence.nulls, arm_input.unaltered_sources) == ("kl", (), ())


def test_candidates_are_for_those_alone_who_choose(make):
    own = make()
    truths = {"one": (TruthStatement(handle="h", text="T.", examples="secret"),)}
    chosen = case(ArmInput(own, "blackbox"), reader("models", "candidates"), statements=truths)
    assert [(one.handle, one.text) for one in chosen.candidates] == [("h", "T.")]
    assert "secret" not in chosen.model_dump_json()
    assert case(ArmInput(own, "blackbox"), statements=truths).candidates == ()
