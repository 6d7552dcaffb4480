"""Claims about nulls are on the answer sheets of the attempts that were made in the same way."""

from dataclasses import replace

import pytest
from builders import planned_run
from diffkit_evaluators.lineup.investigator import LineupInvestigator

from diffkit.evaluation import AttemptId, ConfiguredPlugin, plugin_key
from diffkit.evaluation.calibration import CalibrationRow
from diffkit.evaluation.grading import AnswerSheetBuilder, collect_null_claims
from diffkit.investigator import Investigator
from diffkit.method import MethodConfig
from diffkit.registry.specs import Spec
from diffkit.verdict import Attempt, Outcome, Verdict

INVESTIGATOR = ConfiguredPlugin(Spec("investigator", "", 1, "m:C", "m:I"), MethodConfig())


def null(name, claim=None, **fields):
    """A calibration null; with a claim, one that a table knows."""
    made = planned_run(name, role="calibration", null_type="random", **fields)
    claims = {plugin_key(INVESTIGATOR): claim or ""}
    row = CalibrationRow(
        run=f"run-{name}", method="kl", rung="random", change_score=1, claims=claims
    )
    return replace(made, calibration_row=row) if claim is not None else made


def builder(*args):
    return AnswerSheetBuilder({"one": ()}, {"one": ()}, collect_null_claims(*args))


def said(place, claim):
    verdict = Verdict(change="unsure", claim=claim) if claim is not None else None
    outcome = Outcome.VERDICT if verdict else Outcome.REFUSED
    return {place: Attempt(digest="x", outcome=outcome, verdict=verdict)}


def _digest(one):
    return f"{one.method.spec.name} {one.pair.selected.organism.name}"


def test_claims_are_of_the_same_method_or_the_same_arm(monkeypatch):
    monkeypatch.setattr(type(planned_run("a")), "digest", property(_digest))
    nulls = [null(name, method=method) for method in ("kl", "lens") for name in ("a", "b")]
    attempts = {}
    for one in nulls:
        method, name = one.method.spec.name, one.pair.selected.organism.name
        attempts |= said(AttemptId(one.run_id, "method", 0, 0), f"{method} of {name}")
        attempts |= said(AttemptId(one.run_id, "combined", 0, 0), f"both of {name}")
    sheets = builder(nulls, [INVESTIGATOR], attempts)
    tested = planned_run("o", truth="T.", method="lens")
    assert sheets.build(tested, "method", 0).null_claims == ("lens of a", "lens of b")
    assert sheets.build(tested, "evidence-swap", 0).null_claims == ("lens of a", "lens of b")
    assert sheets.build(tested, "combined", 0).null_claims == (
        "both of a",
        "both of b",
    )  # each once
    assert sheets.build(tested, "blackbox", 0).null_claims == ()


def test_tables_know_claims_of_one_method_and_silence_is_none():
    nulls = [null("a", "words of a"), null("b", "")]
    sheets = builder(nulls, [INVESTIGATOR], {})
    tested = planned_run("o", truth="T.")
    assert sorted(sheets.build(tested, "method", 0).null_claims) == ["", "words of a"]
    # Of one method alone, the arm with all methods is given the same case.
    assert sorted(sheets.build(tested, "combined", 0).null_claims) == ["", "words of a"]


class Unmerging(LineupInvestigator):
    """Cannot say what it would claim of several."""

    merge_claims = Investigator.merge_claims


class Merging(LineupInvestigator):
    """Joins claims."""

    def merge_claims(self, claims, config):
        return " + ".join(claims)


@pytest.mark.parametrize(
    ("investigator", "expected"), [(Merging, ("a1 + a2", "b1 + b2")), (Unmerging, ())]
)
def test_claims_about_all_methods_are_merged_from_tables(monkeypatch, investigator, expected):
    monkeypatch.setattr(Spec, "load", lambda self: investigator())
    nulls = [
        null(name, f"{name}{number}", method=method)
        for number, method in ((1, "kl"), (2, "lens"))
        for name in ("a", "b")
    ]
    # Of a null that a table knows for one method alone, the other's claim is the attempt's.
    nulls += [null("c", "c1", method="kl"), null("c", method="lens")]
    monkeypatch.setattr(type(nulls[0]), "digest", property(_digest))
    tested = planned_run("o", truth="T.")
    partial = said(AttemptId(nulls[-1].run_id, "combined", 0, 0), "of lens alone")
    sheets = builder(nulls, [INVESTIGATOR], partial)
    assert sheets.build(tested, "combined", 0).null_claims == expected
    both = said(AttemptId(nulls[-1].run_id, "method", 0, 0), "c2") | partial
    sheets = builder(nulls, [INVESTIGATOR], both)
    known = (*expected, "c1 + c2") if expected else ()
    assert sheets.build(tested, "combined", 0).null_claims == known


def test_whoever_refused_claims_nothing(monkeypatch):
    monkeypatch.setattr(type(planned_run("a")), "digest", property(_digest))
    one = null("a")
    attempts = said(AttemptId(one.run_id, "method", 0, 0), None)
    sheets = builder([one], [INVESTIGATOR], attempts)
    assert sheets.build(planned_run("o", truth="T."), "method", 0).null_claims == ()
