"""A case, two models that are played, and an endpoint that plays the agent."""

from dataclasses import dataclass, field

import pytest
from diffkit_evaluators.agent.config import AgentConfig
from diffkit_evaluators.agent.investigator import Agent

from diffkit import (
    AttemptContext,
    Blinding,
    Case,
    ChatSession,
    Evidence,
    Findings,
    Note,
    NoVerdict,
    NullScores,
    QuestionAnswer,
    Sample,
    Samples,
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

    blinding: Blinding
    base: str = "It is quiet."
    finetuned: str = "It is full of lanterns."
    asked: int = 0

    def ask(self, prompts, *, samples=1, temperature=0.0, max_new_tokens=64):
        if temperature > 1.5:
            raise UserError("It is too warm.", hint="Take less.")
        said = {side: (getattr(self, side),) * samples for side in self.blinding.order}
        answers = {self.blinding.handle[side]: texts for side, texts in said.items()}
        first, self.asked = self.asked + 1, self.asked + len(prompts)
        return tuple(
            QuestionAnswer(name=f"question-{number}", prompt=prompt, answers=answers)
            for number, prompt in enumerate(prompts, first)
        )


@dataclass
class Kept:
    answers: dict = field(default_factory=dict)

    def get(self, key):
        return self.answers.get(key)

    def put(self, key, answer):
        self.answers[key] = answer


@dataclass(frozen=True)
class Held:
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

    @property
    def opening(self):
        return self.requests[0]["messages"][1]["content"]

    def of(self, kind):
        return [event for event in self.events if event.kind == kind]

    def told(self, name):
        return [event.result for event in self.of("tool") if event.name == name]


@pytest.fixture
def interview(endpoint, tmp_path):
    """``interview(script, case, option=value, …)``: one attempt, over HTTP."""

    def run(script, case=CASE, *, investigator=None, blinding=None, tools=(), **options):
        models = Models(blinding := blinding or Blinding(), **options.pop("said", {}))
        path = tmp_path / f"transcript-{endpoint.calls}.jsonl"
        cache, repeat = options.pop("cache", Kept()), options.pop("repeat", 0)
        chat = ChatSession(repeat=repeat, transcript=Transcript(path), cache=cache)
        context = AttemptContext(blinding, models if case.questions else None, tools, chat)
        before = endpoint.calls
        endpoint.script = lambda body, number: script(body, number - before)
        named = {"name": "scripted", "base_url": endpoint.url}
        config = AgentConfig(model=named, retries=0, **options)
        try:
            ended = (investigator or Agent()).investigate(case, config, context)
        except NoVerdict as error:
            ended = error
        return Held(ended, tuple(read_transcript(path)), endpoint.requests[before:], models)

    return run


@pytest.fixture
def case():
    return CASE


@pytest.fixture
def findings():
    return FINDINGS


@pytest.fixture
def memory():
    return Kept()
