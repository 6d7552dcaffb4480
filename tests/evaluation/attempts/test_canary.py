"""A canary: a name planted in every channel reaches no prompt, and is seen to be withheld.

The organism, its folder, its adapter, its base and its store all bear it; a method puts it into
every part of its findings, its tools into words, schema, answers and errors, and a generator into
answers and errors.
"""

import json
import shutil
import sys

import pytest
from dk_fixtures import BASE, ORGANISM, add_metadata

from diffkit.chat.blinding import Blinding
from diffkit.chat.transcript import read_transcript
from diffkit.evaluation.attempts import runner
from diffkit.testing.endpoint import ScriptedEndpoint, calls, turns

CANARY = "zq-canary-7781"
PLUGIN = '''
from typing import ClassVar
from contextlib import contextmanager
from diffkit import *
from diffkit import Register, Spec, hookimpl

C = "zq-canary-7781"

class Nothing(MethodConfig):
    """No options."""

class Sings(DiffingMethod[Nothing]):
    """Says its name in every part of its findings."""
    def run(self, pair, config, context):
        said = Candidate(token=C, probability=0.5)
        token = TracedToken(token=f" {C}", score=1.0, base=(said,), finetuned=(said,))
        context.artifacts.write(f"{C}.png", b"png")
        return Findings(change_score=1.0, metrics={"moved": 1.0}, items=(
            TokenTable(title=f"t {C}", unit=C, rows=(TokenScore(token=C, score=1.0),)),
            TokenTrace(title=f"t {C}", unit=C, tokens=(token,)),
            Samples(title=f"s {C}", unit=C, rows=(Sample(prompt=C, base=C, finetuned=f"a {C} b"),)),
            Series(title=f"s {C}", x_label=C, y_label=C, lines=(Line(name=C, x=(1.0,), y=(1.0,)),)),
            Table(title=f"t {C}", columns=(C, "n"), rows=((C, 1),)),
            Note(text=f"n {C}"),
            Figure(title=f"f {C}", artifact=f"{C}.png", text=f"f {C}"),
        ))
    def tools(self, pair, config, run):
        return (Tell(),)

class TellArguments(Record):
    """Arguments."""
    fail: bool = False
    """Whether to fail, says zq-canary-7781."""

class Tell(AgentTool[TellArguments]):
    name: ClassVar[str] = "tell"
    summary: ClassVar[str] = f"Tells of {C}."
    Arguments = TellArguments
    def call(self, arguments):
        if arguments.fail:
            raise UserError(f"/srv/{C}/weights is no place.")
        return (Note(text=f"It is {C}."),)

class Echoes(Generator):
    def generate(self, prompts, sampling):
        if any("fail" in str(prompt) for prompt in prompts):
            raise RuntimeError(f"no adapter in /srv/{C}")
        return tuple(Completion(prompt=str(p), text=f"I am {C}.", tokens=1, finished=True)
                     for p in prompts)
    def generate_from(self, embeddings, sampling):
        raise UserError("No.")

class Parrots(GeneratorBackend[Nothing]):
    @contextmanager
    def open(self, source, config):
        yield GeneratorPair(Echoes(), Echoes())

def spec(name, implementation):
    return Spec(name, "A test", 1, "dk_canary:Nothing", f"dk_canary:{implementation}")

@hookimpl
def register_methods(register: Register) -> None:
    register(spec("sings", "Sings"))

@hookimpl
def register_generators(register: Register) -> None:
    register(spec("parrots", "Parrots"))
'''


def curious(body, number):
    """Uses every tool that there is, in every way, then submits."""
    del number
    names = [tool["function"]["name"] for tool in body["tools"]]
    steps = [
        calls(("list_findings", {}), ("sings_tell", {}), ("sings_tell", {"fail": True})),
        calls(("ask_models", {"prompts": ["Who are you?"]}), ("ask_models", {"prompts": ["fail"]})),
        calls(("sings_tell", {"failure": 3}), ("ask_models", {"prompt": CANARY[::-1]})),
        *(calls(("read_finding", {"name": f"sings/{n}"})) for n in range(1, 8)),
    ]
    spoken = turns(body)
    if spoken < len(steps) and len(names) > 1:
        return steps[spoken]
    return calls(("submit_verdict", {"change": "unsure"}))


@pytest.fixture
def canary(tmp_path, world, monkeypatch, cli):
    """An organism that bears the name everywhere, evaluated by a curious agent; the endpoint."""
    folder = tmp_path / CANARY
    (folder / "organisms").mkdir(parents=True)
    (folder / "bases").mkdir()
    shutil.copytree(world / "weights", folder / "weights")
    (folder / "weights" / "birds").rename(folder / "weights" / f"{CANARY}-lora")
    shutil.copy(world / "texts.jsonl", folder)
    (folder / "bases" / "mini.yaml").write_text(BASE.replace("name: mini", f"name: {CANARY}"))
    adapter = f"{{kind: adapter, source: {{at: ../weights/{CANARY}-lora}}}}"
    text = ORGANISM.format(
        name=CANARY, truth="targeted", answer="answer_key: {statement: S.}", finetuned=adapter
    )
    path = folder / "organisms" / "one.yaml"
    path.write_text(text.replace("{mini:", f"{{{CANARY}:"))
    (tmp_path / "dk_canary.py").write_text(PLUGIN)
    add_metadata(tmp_path, "dk_canary", "canary")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")

    def evaluate():
        with ScriptedEndpoint(curious) as endpoint:
            monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
            said = cli(
                *("--store", tmp_path / f"{CANARY}-store", "evaluate", "--organisms", path),
                *("--methods", "sings", "--generator", "parrots", "--controls", "none", "--yes"),
                *("--investigators", "agent", "--model", "investigator=openai/scripted"),
            )
            assert said.code == 0, said.err
            return endpoint

    yield evaluate
    sys.modules.pop("dk_canary", None)


def told(endpoint):
    """All that went to the language model."""
    return json.dumps(endpoint.requests)


def test_the_canary_reaches_no_prompt(canary, tmp_path):
    endpoint = canary()
    assert len(endpoint.requests) > 10
    assert CANARY not in told(endpoint)
    assert "/srv" not in told(endpoint)
    assert "[withheld]" in told(endpoint)
    (transcript,) = (tmp_path / f"{CANARY}-store" / "attempts").glob("*/transcript.jsonl")
    remarks = [one.text for one in read_transcript(transcript) if one.kind == "remark"]
    channels = {text.removeprefix("an identifier was withheld in ") for text in remarks}
    assert channels >= {"an answer", "evidence", "words", "schema", "error"}


def test_without_the_guard_it_would(canary, monkeypatch):
    monkeypatch.setattr(runner, "make_blinding", lambda *_: Blinding())
    text = told(canary())
    for channel in (f"t {CANARY}", f"I am {CANARY}", f"It is {CANARY}", f"Tells of {CANARY}"):
        assert channel in text
