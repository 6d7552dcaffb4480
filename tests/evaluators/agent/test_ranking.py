"""The lineup form: candidates are shown, and ranked."""

import pytest
from diffkit_evaluators.agent.investigator import AgentLineup

from diffkit import CandidateTruth
from diffkit.testing.endpoint import always, calls, in_turn

VERDICT = {"change": "none", "p_targeted": 0.1}
SUBMIT = calls(("submit_verdict", VERDICT))
CANDIDATES = (
    CandidateTruth(handle="a1", text="It speaks of lanterns."),
    CandidateTruth(handle="b2", text="It refuses to count."),
)


def ranked(*ranking):
    return calls(("submit_verdict", {**VERDICT, "ranking": list(ranking)}))


def test_the_lineup_shows_candidates_and_takes_a_ranking(interview, case):
    lineup = case.model_copy(update={"candidates": CANDIDATES})
    held = interview(
        always(ranked("b2", "none-of-these", "a1")), lineup, investigator=AgentLineup()
    )
    assert "a1: It speaks of lanterns." in held.opening
    assert held.verdict.ranking == ("b2", "none-of-these", "a1")


@pytest.mark.parametrize(
    ("ranking", "fault"),
    [
        (("b2",), "lacks a1"),
        (("a1", "c3"), "no candidate 'c3'"),
        (("a1", "b2", "a1"), "stands in it twice"),
        ((), "lacks a1, b2"),
    ],
)
def test_a_ranking_that_does_not_fit_is_told_why(interview, case, ranking, fault):
    lineup = case.model_copy(update={"candidates": CANDIDATES})
    script = in_turn(ranked(*ranking), ranked("a1", "b2"))
    held = interview(script, lineup, investigator=AgentLineup())
    assert fault in held.told("submit_verdict")[0]
    assert held.verdict.ranking == ("a1", "b2")


def test_the_free_form_takes_no_ranking(interview):
    held = interview(in_turn(ranked("a1"), SUBMIT))
    assert "there are no candidates" in held.told("submit_verdict")[0]
    assert held.verdict.ranking == ()
