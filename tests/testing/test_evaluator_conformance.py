"""The suites for investigators and graders name each violated requirement, and only those."""

import dk_evaluators as cases
import pytest

from diffkit import Spec


@pytest.fixture
def spec(monkeypatch):
    monkeypatch.setattr("diffkit.testing.options._assert_light", lambda module: None)

    def make(implementation):
        target = f"dk_evaluators:{implementation.__name__}"
        return Spec("an-evaluator", "One line", 1, "dk_evaluators:Options", target)

    return make


@pytest.mark.parametrize(
    "good", [cases.GoodInvestigator, cases.GoodStochastic, cases.Ranking, cases.Abstaining]
)
def test_a_good_investigator_passes(investigator_conforms, spec, good):
    results = investigator_conforms(spec(good), words=2)
    assert {"no evidence", "one method", "several methods"} <= results.keys()


@pytest.mark.parametrize(
    ("broken", "requirement"),
    [
        (cases.NoInvestigator, "is an Investigator"),
        (cases.Raising, "on a case with no evidence there is a verdict or NoVerdict"),
        (cases.Wordless, "returns a Verdict, not NoneType"),
        (cases.Inventive, "without evidence nothing targeted is found"),
        (cases.SecretlyRandom, "the same case and repeat give the same verdict"),
        (cases.SecretlyRepeating, "repeats of an investigator that is not stochastic"),
        (cases.FalselyStochastic, "repeats of a stochastic investigator differ"),
        (cases.ByName, "the opaque name of a pair does not change the verdict"),
        (cases.Cheating, "does not read the truth"),
        (cases.Incomplete, "the ranking names each candidate"),
        (cases.OutOfPlace, "the ranking names each candidate"),
        (cases.WrongRole, "the estimate's role is investigator"),
    ],
)
def test_a_violated_requirement_of_an_investigator_is_named(
    investigator_conforms, spec, broken, requirement
):
    with pytest.raises(AssertionError, match=requirement):
        investigator_conforms(spec(broken))


@pytest.mark.parametrize("good", [cases.GoodGrader, cases.FindingsGrader])
def test_a_good_grader_passes(grader_conforms, spec, good):
    grades = grader_conforms(spec(good), words=2)
    assert grades.keys() == {"organism", "random change", "identical models"}
    assert "ended: refused" in grades["organism"]


@pytest.mark.parametrize(
    ("broken", "requirement"),
    [
        (cases.Undeclared, "every attempt gets a grade"),
        (cases.OnlyVerdicts, "every attempt gets a grade"),
        (cases.GenerousGrader, "an attempt without a verdict scores at most chance"),
        (cases.BackwardsGrader, "a right claim scores at least as well"),
        (cases.OrderedGrader, "the order of the truths does not change the grade"),
        (cases.Unstable, "the same grade each time"),
        (cases.Orphan, "the chance 'recall_chance' belongs to a part"),
        (cases.Counterfactual, "if_true gives the parts that another truth would give"),
        (cases.Partial, "a grader of findings gives the same grade for any attempt"),
    ],
)
def test_a_violated_requirement_of_a_grader_is_named(grader_conforms, spec, broken, requirement):
    with pytest.raises(AssertionError, match=requirement):
        grader_conforms(spec(broken))


def test_a_file_opened_elsewhere_is_not_an_investigators(investigator_conforms, spec):
    cases.ORGANISM.read_text()
    investigator_conforms(spec(cases.GoodInvestigator))
