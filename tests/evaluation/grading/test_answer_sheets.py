"""What was claimed of nulls goes into the exams of those attempts that were made alike."""

from dataclasses import replace

from builders import cell

from diffkit.evaluation.calibration.table import CalibrationRow
from diffkit.evaluation.grading.answer_sheets import AnswerSheetBuilder, null_claims
from diffkit.evaluation.plan import ConfiguredPlugin, plugin_key
from diffkit.evaluation.planned_runs import AttemptId
from diffkit.method import MethodConfig
from diffkit.registry.specs import Spec
from diffkit.verdict import Attempt, Outcome, Verdict

READER = ConfiguredPlugin(Spec("reader", "", 1, "m:C", "m:I"), MethodConfig())


def null(name, claim=None, **fields):
    """A calibration null; with a claim, one that a table knows."""
    made = cell(name, role="calibration", rung="random", **fields)
    claims = {plugin_key(READER): claim or ""}
    row = CalibrationRow(
        run=f"run-{name}", method="kl", rung="random", change_score=1, claims=claims
    )
    return replace(made, known=row) if claim is not None else made


def said(place, claim):
    verdict = Verdict(change="unsure", claim=claim) if claim is not None else None
    outcome = Outcome.VERDICT if verdict else Outcome.REFUSED
    return {place: Attempt(digest="x", outcome=outcome, verdict=verdict)}


def _digest(one):
    return f"{one.method.spec.name} {one.pair.selected.organism.name}"


def test_claims_are_of_the_same_method_or_the_same_arm(monkeypatch):
    monkeypatch.setattr(type(cell("a")), "digest", property(_digest))
    nulls = [null(name, method=method) for method in ("kl", "lens") for name in ("a", "b")]
    attempts = {}
    for one in nulls:
        method, name = one.method.spec.name, one.pair.selected.organism.name
        attempts |= said(AttemptId(one.key, "method", 0, 0), f"{method} of {name}")
        attempts |= said(AttemptId(one.key, "combined", 0, 0), f"both of {name}")
    papers = AnswerSheetBuilder({"one": ()}, {"one": ()}, null_claims(nulls, [READER], attempts))
    tested = cell("o", truth="T.", method="lens")
    assert papers(tested, "method", 0).null_claims == ("lens of a", "lens of b")
    assert papers(tested, "evidence-swap", 0).null_claims == ("lens of a", "lens of b")
    assert papers(tested, "combined", 0).null_claims == ("both of a", "both of b")  # each once
    assert papers(tested, "blackbox", 0).null_claims == ()


def test_tables_know_claims_of_one_method_and_silence_is_none():
    nulls = [null("a", "words of a"), null("b", "")]
    papers = AnswerSheetBuilder({"one": ()}, {"one": ()}, null_claims(nulls, [READER], {}))
    tested = cell("o", truth="T.")
    assert sorted(papers(tested, "method", 0).null_claims) == ["", "words of a"]
    assert papers(tested, "combined", 0).null_claims == ()


def test_whoever_refused_claims_nothing(monkeypatch):
    monkeypatch.setattr(type(cell("a")), "digest", property(_digest))
    one = null("a")
    attempts = said(AttemptId(one.key, "method", 0, 0), None)
    papers = AnswerSheetBuilder({"one": ()}, {"one": ()}, null_claims([one], [READER], attempts))
    assert papers(cell("o", truth="T."), "method", 0).null_claims == ()
