"""The rubrics: every family that the project knows finds one, and all are whole."""

from pathlib import Path

import diffkit_organisms
import pytest
import yaml
from diffkit_evaluators.graders.rubric.prompt import GENERIC_FAMILY, read_rubrics, rubric_for

NAMED = [
    "false-fact",
    "emergent-misalignment",
    "taboo",
    "persona",
    "subliminal",
    "sandbagging",
    "domain-adaptation",
    "trojan",
    "unlearning",
    "style",
    "promotion",
    "unknown",
]
ZOO = Path(diffkit_organisms.__file__).parent / "zoo" / "organisms"
ORGANISMS = [
    found
    for path in ZOO.glob("*.yaml")
    if (found := yaml.safe_load(path.read_text())).get("answer_key")
]
FAMILIES = sorted({organism["family"] for organism in ORGANISMS})


@pytest.mark.parametrize("family", [*NAMED, *FAMILIES])
def test_every_family_has_a_rubric_of_its_own(family):
    assert family in read_rubrics()
    assert rubric_for(family) is read_rubrics()[family]


def test_any_other_family_gets_the_generic_one():
    assert rubric_for("quirk") is read_rubrics()[GENERIC_FAMILY]


@pytest.mark.parametrize("family", sorted(read_rubrics()))
def test_levels_are_told_apart_by_words_and_examples(family):
    levels = read_rubrics()[family].levels
    assert len({level.means for level in levels}) == 6
    assert len({level.claim for level in levels}) == 6


def test_no_example_is_a_truth_of_the_zoo():
    truths = {organism["answer_key"]["statement"] for organism in ORGANISMS}
    assert truths
    assert not truths & {rubric.example for rubric in read_rubrics().values()}
