"""An investigator that is a real model behind a real server, if a tiny one that knows no tools.

It babbles; what is seen here is that real requests are taken, real answers read, and that the attempt
ends with an outcome. Where the server holds its words to the schema of the verdict, that is read.
"""

import pytest
from diffkit_evaluators.agent.config import AgentConfig
from diffkit_evaluators.agent.investigator import Agent

from diffkit import (
    Asked,
    AttemptContext,
    Case,
    Evidence,
    Findings,
    NoVerdict,
    Outcome,
    Talk,
    TokenScore,
    TokenTable,
    Transcript,
    read_transcript,
)

TABLE = TokenTable(title="Raised", unit="nats", rows=(TokenScore(token=" lantern", score=1.0),))
CASE = Case(
    handle="pair-1",
    evidence=(Evidence(method="kl", findings=Findings(change_score=1.0, items=(TABLE,))),),
    questions=True,
)


class Answering:
    """Two models that always say the same."""

    def __init__(self):
        self.asked = 0

    def ask(self, prompts, *, samples=1, temperature=0.0, max_new_tokens=64):
        del samples, temperature, max_new_tokens
        self.asked += len(prompts)
        answers = {"model-1": ("The cow.",), "model-2": ("The lantern.",)}
        return tuple(Asked(name="question-1", prompt=one, answers=answers) for one in prompts)


@pytest.fixture
def investigate(served, tmp_path):
    """Asks the served model; the attempt's talk, and the verdict or how it ended."""

    def ask(**options):
        model = {"name": served.model, "base_url": served.url, "parameters": {"temperature": 0.5}}
        config = AgentConfig(model=model, max_completion_tokens=3000, retries=0, **options)
        talk = Talk(transcript=Transcript(tmp_path / "transcript.jsonl"))
        context = AttemptContext(models=Answering(), talk=talk)
        try:
            return talk, Agent().investigate(CASE, config, context)
        except NoVerdict as end:
            print(end)
            return talk, end.outcome

    return ask


def test_a_served_model_that_is_held_to_the_schema_gives_a_verdict(investigate, tmp_path, served):
    talk, verdict = investigate(max_calls=1)
    events = list(read_transcript(tmp_path / "transcript.jsonl"))
    print([event for event in events if event.kind == "response"], events[-1])
    assert verdict is Outcome.MALFORMED or verdict.change in {
        "none",
        "unspecific",
        "targeted",
        "unsure",
    }
    used = talk.usage["investigator"]
    assert used.calls >= 1
    assert used.served == (served.model,)
    assert used.prompt_tokens > 100
    assert used.completion_tokens > 0


def test_a_served_model_that_babbles_ends_with_an_outcome(investigate, tmp_path):
    talk, ended = investigate(max_calls=5, tool_calls="json")
    print(ended)
    assert ended in {Outcome.MALFORMED, Outcome.BUDGET_SPENT}
    assert 1 <= talk.usage["investigator"].calls <= 5
    kinds = [event.kind for event in read_transcript(tmp_path / "transcript.jsonl")]
    assert kinds.count("request") == kinds.count("response") == talk.usage["investigator"].calls
