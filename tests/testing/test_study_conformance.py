"""The suite for studies lets a good one pass and catches each violated requirement."""

import itertools
import sys

import pytest
import torch
from pydantic import Field

from diffkit import DiffingMethod, Findings, MethodConfig, Note, Spec, Study
from diffkit.errors import DiffkitError


class Options(MethodConfig):
    """Options that meet every requirement."""

    count: int = Field(default=1, ge=1)
    """How many."""


class Good(Study[Options]):
    """Meets every requirement."""

    def run(self, model, config, context):
        inputs = model.inputs(context.texts.items[: config.count], max_tokens=8)
        return Findings(
            metrics={"mean": float(model.logits(inputs).mean())}, items=(Note(text="x"),)
        )


class Scoring(Good):
    """Has a change score."""

    def run(self, model, config, context):
        return Findings(change_score=0.0)


class Random(Good):
    """Never says the same twice."""

    calls = itertools.count(1)

    def run(self, model, config, context):
        return Findings(metrics={"call": next(self.calls)})


class Mutating(Good):
    """Trains the model."""

    def run(self, model, config, context):
        with torch.no_grad():
            next(model.network.module.parameters()).add_(1e-3)
        return Findings()


class Pair(DiffingMethod[Options]):
    """No study."""

    def run(self, pair, config, context):
        return Findings()


@pytest.fixture
def spec(monkeypatch):
    monkeypatch.setitem(sys.modules, "study_cases", sys.modules[__name__])
    monkeypatch.setattr("diffkit.testing.options._assert_light", lambda module: None)

    def make(study=Good, name="a-study", subject="model"):
        target = f"study_cases:{study.__name__}"
        return Spec(name, "One line", 1, "study_cases:Options", target, subject=subject)

    return make


def test_a_good_study_passes(study_conforms, spec):
    one = study_conforms(spec()).metrics["mean"]
    assert one != study_conforms(spec(), count=3).metrics["mean"]


@pytest.mark.parametrize(
    ("study", "requirement"),
    [
        (Scoring, "a study has no change score"),
        (Random, "the same seed gives the same findings"),
        (Pair, "'study_cases:Pair' is a Study"),
    ],
)
def test_a_violated_requirement_of_a_study_is_named(study_conforms, spec, study, requirement):
    with pytest.raises(AssertionError, match=requirement):
        study_conforms(spec(study))


def test_a_study_that_changes_the_model_is_caught(study_conforms, spec, tiny_model):
    module = tiny_model.network.module
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(AssertionError, match="the model's weights are as they were, and frozen"):
        study_conforms(spec(Mutating))
    module.load_state_dict(before)


def test_names_and_subjects_are_checked(study_conforms, conforms, spec):
    with pytest.raises(AssertionError, match="names are kebab-case, not 'a_study'"):
        study_conforms(spec(name="a_study"))
    with pytest.raises(AssertionError, match="'a-study' looks at a model"):
        study_conforms(spec(subject="pair"))
    with pytest.raises(AssertionError, match="'a-study' looks at a pair"):
        conforms(spec())


def test_an_implementation_of_the_other_contract_is_a_failure_of_one_line(spec):
    from diffkit.registry.specs import load_implementation

    assert isinstance(load_implementation(spec()), Good)
    with pytest.raises(DiffkitError, match=r"The study 'a-study' is no Study \(study_cases:Pair\)"):
        load_implementation(spec(Pair))
