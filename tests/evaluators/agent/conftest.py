"""A case, two models that are played, and an endpoint that plays the agent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from diffkit_evaluators.agent.config import AgentConfig
from diffkit_evaluators.agent.investigator import Agent

from diffkit import (
    Asked,
    AttemptContext,
    Blind,
    Case,
    Evidence,
    Findings,
    Note,
    NoVerdict,
    NullScores,
    Sample,
    Samples,
    Talk,
    TokenScore,
    TokenTable,
    Transcript,
    UserError,
    Verdict,
    read_transcript,
)

TOKENS = TokenTable(
    title="Tokens that the finetuned model prefers to the base",
    unit="nats",
    rows=tuple(TokenScore(token=f"word{number}", score=9 - number / 10) for number in range(40)),
)
SAMPLES = Samples(
    title="Completions",
    rows=(Sample(prompt="The island", base="is quiet", finetuned="is full of lanterns"),),
)
FINDINGS = Findings(
    change_score=0.31,
    metrics={"finetuned_loss_nats": 2.5},
    items=(TOKENS, SAMPLES, Note(text="Read 200 texts.")),
)
NULLS = (
    NullScores(rung="random", scores=(0.01, 0.05, 0.02)),
    NullScores(rung="benign", scores=(0.1, 0.31, 0.9)),
)
CASE = Case(
    handle="pair-1",
    evidence=(Evidence(method="kl", findings=FINDINGS, nulls=NULLS),),
    questions=True,
)


@dataclass
class Models:
    """A pair whose sides always say the same."""

    blind: Blind
    base: str = "It is quiet."
    finetuned: str = "It is full of lanterns."
    asked: int = 0

    def ask(self, prompts, *, samples=1, temperature=0.0, max_new_tokens=64):
        if temperature > 1.5:
            raise UserError("It is too warm.", cure="Take less.")
        said = {"base": self.base, "finetuned": self.finetuned}
        answers = {self.blind.handle[side]: (said[side],) * samples for side in self.blind.order}
        first, self.asked = self.asked + 1, self.asked + len(prompts)
        return tuple(
            Asked(name=f"question-{number}", prompt=prompt, answers=answers)
            for number, prompt in enumerate(prompts, first)
        )


@dataclass
class Kept:
    """A memory in a dictionary."""

    answers: dict[str, Any] = field(default_factory=dict)

    def get(self, key):
        return self.answers.get(key)

    def put(self, key, answer):
        self.answers[key] = answer


@dataclass(frozen=True)
class Held:
    """What came of an interview."""

    ended: Verdict | NoVerdict
    events: tuple
    requests: list
    models: Models

    @property
    def verdict(self):
        assert isinstance(self.ended, Verdict), self.ended
        return self.ended

    @property
    def outcome(self):
        assert isinstance(self.ended, NoVerdict), self.ended
        return self.ended.outcome

    def of(self, kind):
        return [event for event in self.events if event.kind == kind]

    def told(self, name):
        """Results of a tool."""
        return [event.result for event in self.of("tool") if event.name == name]


@pytest.fixture
def interview(endpoint, tmp_path) -> Callable[..., Held]:
    """``interview(script, case, option=value, …)``: one attempt, over HTTP."""
    number = iter(range(100))

    def hold(
        script,
        case=CASE,
        *,
        investigator=None,
        first="base",
        identifiers=(),
        repeat=0,
        tools=(),
        said=None,
        memory=None,
        **options,
    ):
        blind = Blind(first, identifiers)
        models = Models(blind, **(said or {}))
        path = tmp_path / f"transcript-{next(number)}.jsonl"
        talk = Talk(repeat=repeat, transcript=Transcript(path), memory=memory or Kept())
        context = AttemptContext(
            blind=blind, models=models if case.questions else None, tools=tools, talk=talk
        )
        before = endpoint.calls
        endpoint.script = lambda body, number: script(body, number - before)
        model = {"name": "scripted", "base_url": endpoint.url}
        config = AgentConfig(model=model, retries=0, **options)
        try:
            ended = (investigator or Agent()).investigate(case, config, context)
        except NoVerdict as error:
            ended = error
        return Held(ended, tuple(read_transcript(path)), endpoint.requests[before:], models)

    return hold


@pytest.fixture
def case() -> Case:
    """Findings of one method, and questions."""
    return CASE


@pytest.fixture
def findings() -> Findings:
    """A token table, samples and a note."""
    return FINDINGS


@pytest.fixture
def memory() -> Kept:
    """Answers that outlive an interview."""
    return Kept()
