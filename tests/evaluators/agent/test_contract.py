"""What the agent owes as a plug-in."""

import subprocess
import sys

import pytest
from diffkit_evaluators.agent import register_investigators, tools
from diffkit_evaluators.agent.config import AgentConfig
from pydantic import ValidationError

from diffkit import Record, UserError

SPECS = {}
register_investigators(lambda spec: SPECS.update({spec.name: spec}))
TOOLS = [
    one
    for one in vars(tools).values()
    if isinstance(one, type) and issubclass(one, Record) and one is not Record
]


def test_its_two_forms_differ_in_needing_candidates():
    agent, lineup = SPECS["agent"].load(), SPECS["agent-lineup"].load()
    assert lineup.needs - agent.needs == {"candidates"}
    assert agent.needs == {"models", "tools"}
    assert agent.stochastic
    assert lineup.stochastic


def test_listing_it_imports_neither_openai_nor_torch():
    code = (
        "import sys, diffkit_evaluators.agent.config, diffkit_evaluators.agent;"
        "sys.exit(not {'openai', 'torch'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("tool", TOOLS)
def test_arguments_are_described(tool):
    assert tool.__doc__
    assert all(field.description for field in tool.model_fields.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompts": []},
        {"prompts": [""]},
        {"prompts": ["a"] * 21},
        {"prompts": ["a"], "samples": 0},
        {"prompts": ["a"], "temperature": 3},
        {"prompts": ["a"], "max_new_tokens": 10**6},
    ],
)
def test_questions_are_bounded(wrong):
    with pytest.raises(ValidationError):
        tools.AskModels.model_validate(wrong)


def test_options_say_how_it_was_framed():
    assert AgentConfig().model_dump()["framing"] == "neutral"
    with pytest.raises(ValidationError):
        AgentConfig(framing="leading")


@pytest.mark.parametrize("name", ["agent", "agent-lineup"])
def test_a_language_model_that_cannot_be_asked_is_refused(name):
    agent = SPECS[name].load()
    agent.validate(AgentConfig(model={"name": "m", "base_url": "http://localhost:9/v1"}))
    with pytest.raises(UserError, match="--model investigator="):
        agent.validate(AgentConfig())
    with pytest.raises(UserError, match="Write openai/gpt-4"):
        agent.validate(AgentConfig(model="gpt-4"))


def test_the_estimate_comes_from_the_caps():
    agent = SPECS["agent"].load()
    assert agent.estimate(AgentConfig()) is None
    capped = agent.estimate(AgentConfig(model="openai/x", max_calls=10, max_tokens=50_000))
    assert (capped.calls, capped.prompt_tokens, capped.completion_tokens) == (10, 9_040, 40_960)
    assert capped.dollars is None
    assert agent.estimate(AgentConfig(model="openai/x", max_dollars=2)).dollars == 2
    free = agent.estimate(
        AgentConfig(
            model="x", max_calls=2, max_tokens=None, max_completion_tokens=100, characters=3_000
        )
    )
    # two calls that show 1,000 tokens each; the second sends the first's result and answer again
    assert (free.prompt_tokens, free.completion_tokens) == (2 * 1_000 + 1_100, 200)
