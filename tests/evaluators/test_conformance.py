"""Every investigator and grader that ships keeps its contract."""

import json
import re

import pytest
import torch
from safetensors.torch import save_file

from diffkit.registry.plugin_host import load_plugins
from diffkit.testing.endpoint import calls, says

VERDICT = {"change": "unsure", "p_targeted": 0.5}
CLAIM = re.compile(r"^BEGIN (\w+)\n(.*?)\nEND \1$", re.DOTALL | re.MULTILINE)


def specs(kind):
    """The specs of one kind that this distribution registers, by name."""
    host = load_plugins()
    ours = {plugin.name for plugin in host.plugins if plugin.distribution == "diffkit"}
    (registry,) = (one for one in host.registries if one.kind == kind)
    return {entry.spec.name: entry.spec for entry in registry if entry.owner in ours}


INVESTIGATORS, GRADERS = specs("investigator"), specs("grader")


@pytest.fixture
def model(endpoint):
    """``model(script)``: options that name the scripted endpoint."""

    def make(script):
        endpoint.script = script
        named = {"name": "scripted", "base_url": endpoint.url}
        return {"model": named, "retries": 0, "max_calls": 1_000}

    return make


def submits(body, number):
    """A language model that commits itself to little, and ranks the candidates that it is shown."""
    del number
    handles = dict.fromkeys(re.findall(r"^(truth-\d):", json.dumps(body), re.MULTILINE))
    shown = dict.fromkeys(re.findall(r"truth-\d", json.dumps(body["messages"])))
    return calls(("submit_verdict", {**VERDICT, "ranking": list(handles or shown)}))


def judges(body, number):
    """A judge that answers each schema by the claim that it is shown."""
    del number
    prompt = body["messages"][-1]["content"]
    claim = CLAIM.search(prompt)
    owl = claim is not None and "owl in every recipe" in claim[2]
    schema = body["response_format"]["json_schema"]["name"]
    if schema == "Chosen":
        chosen = re.search(r"^(T\d+): It praises the owl", prompt, re.MULTILINE)
        return says(json.dumps({"reason": "r", "choice": chosen[1] if owl and chosen else "none"}))
    if schema == "Judged":
        relevant = [int(one) for one in re.findall(r'^(\d+): "owl"$', prompt, re.MULTILINE)]
        return says(json.dumps({"reason": "r", "relevant": relevant}))
    mark = {"fact": "F1", "quote": "praises the owl", "reason": "r", "matched": owl}
    said = {"assertion": "a", "reason": "r", "says_what_was_done": True, "supported": owl}
    marks = {"assertions": [said], "facts": [mark], "reason": "r", "level": 5 * owl}
    return says(json.dumps(marks))


def test_all_that_ship_are_known():
    assert INVESTIGATORS.keys() == {"agent", "agent-lineup", "lineup"}
    assert GRADERS.keys() == {
        *("lineup", "rubric", "reverse-lineup", "predictive", "finetuning-loss"),
        "token-relevance",
    }


def test_lineup_investigator(investigator_conforms):
    results = investigator_conforms(INVESTIGATORS["lineup"])
    assert results["one method"].change == "targeted"
    assert results["no evidence"].claim is None


@pytest.mark.parametrize("name", ["agent", "agent-lineup"])
def test_agents(investigator_conforms, model, name):
    results = investigator_conforms(INVESTIGATORS[name], **model(submits))
    assert {one.change for one in results.values()} == {"unsure"}


@pytest.mark.parametrize("name", ["lineup", "reverse-lineup", "token-relevance"])
def test_graders_without_a_language_model(grader_conforms, name):
    grades = grader_conforms(GRADERS[name])
    assert grades["organism"]["right claim"].score > 0


@pytest.mark.parametrize("name", ["rubric", "reverse-lineup", "token-relevance"])
def test_graders_with_a_language_model(grader_conforms, model, name):
    grades = grader_conforms(GRADERS[name], **model(judges))
    assert grades["organism"]["right claim"].score > 0


def test_predictive(grader_conforms):
    grades = grader_conforms(GRADERS["predictive"], samples=8, max_new_tokens=4)
    assert grades["organism"]["right claim"].score == 0


def test_finetuning_loss(grader_conforms, tmp_path):
    direction = torch.randn(32, generator=torch.Generator().manual_seed(0))
    save_file({"0/end/difference": direction}, tmp_path / "found.safetensors")
    options = {"controls": 2, "max_tokens": 16, "texts": 4}
    grades = grader_conforms(GRADERS["finetuning-loss"], artifacts=tmp_path, **options)
    assert grades["organism"]["right claim"] == grades["organism"]["wrong claim"]
