"""The suite for methods looks at their tools too, and catches each violated requirement."""

import itertools
import sys

import pytest
import torch
from pydantic import BaseModel, Field

from diffkit import (
    AgentTool,
    DiffingMethod,
    Figure,
    Findings,
    MethodConfig,
    Note,
    Record,
    Spec,
)


class Options(MethodConfig):
    """None."""


class Where(Record):
    """Meets every requirement."""

    layer: int = Field(default=0, ge=0)
    """Block, from 0."""


class What(Record):
    """Has a field without a default."""

    word: str
    """Any."""


class Unbounded(Record):
    """A number without bounds."""

    layer: int = 0
    """Block."""


class Wordless(Record):
    """A field without a docstring."""

    word: str = ""


class Foreign(BaseModel):
    """No Record."""


class Good(AgentTool[Where]):
    """Meets every requirement."""

    name = "good"
    summary = "Says the layer."
    Arguments = Where

    def call(self, arguments):
        return (Note(text=f"Layer {getattr(arguments, 'layer', None)}"),)


class Other(Good):
    """Needs a word."""

    name = "other"
    Arguments = What

    def call(self, arguments):
        return (Note(text=arguments.word),)


class Shouting(Good):
    name = "Good Tool"


class Rambling(Good):
    summary = "Two\nlines."


class Boundless(Good):
    Arguments = Unbounded


class Undocumented(Good):
    Arguments = Wordless


class Strange(Good):
    Arguments = Foreign


class Random(Good):
    calls = itertools.count()

    def call(self, arguments):
        return (Note(text=str(next(self.calls))),)


class Listing(Good):
    def call(self, arguments):
        return [Note(text="x")]


class Pictorial(Good):
    def call(self, arguments):
        return (Figure(title="A picture", artifact="missing.png", text="Nothing."),)


class Mutating(Good):
    pair = None

    def call(self, arguments):
        with torch.no_grad():
            next(self.pair.base.network.module.parameters()).add_(1e-3)
        return ()


class Asked(DiffingMethod[Options]):
    """Has the tools of a test."""

    offered = (Good,)

    def run(self, pair, config, context):
        score = 0.0 if pair.identical else 1.0
        return Findings(change_score=score, items=(Note(text="x"),))

    def tools(self, pair, config, run):
        made = [tool() for tool in self.offered]
        for tool in made:
            tool.pair = pair
        return made


@pytest.fixture
def spec(monkeypatch):
    monkeypatch.setitem(sys.modules, "tool_cases", sys.modules[__name__])
    monkeypatch.setattr("diffkit.testing.options._assert_light", lambda module: None)

    def make(*tools):
        monkeypatch.setattr(Asked, "offered", tools)
        return Spec("a-method", "One line", 1, "tool_cases:Options", "tool_cases:Asked")

    return make


def test_good_tools_pass_with_defaults_or_the_arguments_handed_in(conforms, spec):
    assert conforms(spec(Good)).change_score == 1
    conforms(spec(Good, Other), arguments={"other": {"word": "x"}, "good": {"layer": 1}})


@pytest.mark.parametrize(
    ("tool", "requirement"),
    [
        (Shouting, "names are kebab-case, not 'Good Tool'"),
        (Rambling, "the summary of 'good' is one line"),
        (Boundless, "argument 'layer' of tool 'good' is a number without bounds"),
        (Undocumented, "argument 'word' of tool 'good' has no docstring"),
        (Strange, "the arguments of tool 'good' are a Record"),
        (Random, "the same arguments give the same findings of tool 'good'"),
        (Listing, "tool 'good' answers in a tuple, not in list"),
        (Pictorial, "'missing.png' of a figure was written"),
        (Other, r"'other' cannot be called: check word; hand in arguments=\{'other'"),
    ],
)
def test_a_violated_requirement_of_a_tool_is_named(conforms, spec, tool, requirement):
    with pytest.raises(AssertionError, match=requirement):
        conforms(spec(tool))


def test_names_are_unique_and_arguments_belong_to_a_tool(conforms, spec):
    with pytest.raises(AssertionError, match="names of tools are unique"):
        conforms(spec(Good, Random))
    with pytest.raises(AssertionError, match=r"for tools that are there, not \['god'\]"):
        conforms(spec(Good), arguments={"god": {}})


def test_a_tool_that_changes_the_pair_is_caught(conforms, spec, tiny_pair):
    module = tiny_pair.base.network.module
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(AssertionError, match="the pair's weights are as they were, and frozen"):
        conforms(spec(Mutating))
    module.load_state_dict(before)
