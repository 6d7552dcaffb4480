"""An investigator that is a real model behind a real server, if a tiny one that knows no tools.

It babbles. What is seen here is that a real server takes the requests (tools, a forced tool,
results of tools, a schema), that its answers are read and counted, and that each attempt ends with
an outcome that is not a fault of the endpoint's.
"""

from typing import Literal

import pytest
from diffkit_evaluators.agent.config import AgentConfig
from diffkit_evaluators.agent.investigator import Agent
from diffkit_evaluators.llm import ChatConfig, LanguageModel, complete_structured

from diffkit import (
    AttemptContext,
    Case,
    ChatSession,
    Evidence,
    Findings,
    NoVerdict,
    Outcome,
    QuestionAnswer,
    Record,
    TokenScore,
    TokenTable,
    Transcript,
    Verdict,
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
        return tuple(
            QuestionAnswer(name="question-1", prompt=one, answers=answers) for one in prompts
        )


@pytest.fixture
def investigate(served_with_tools, tmp_path):
    """Asks the served model; the attempt's chat, and the verdict or how it ended."""

    def ask(**options):
        model = {
            "name": served_with_tools.model,
            "base_url": served_with_tools.url,
            "parameters": {"temperature": 0.5},
        }
        config = AgentConfig(model=model, max_completion_tokens=200, retries=0, **options)
        chat = ChatSession(transcript=Transcript(tmp_path / "transcript.jsonl"))
        context = AttemptContext(models=Answering(), chat=chat)
        try:
            return chat, Agent().investigate(CASE, config, context)
        except NoVerdict as end:
            return chat, end.outcome

    return ask


ENDED = {Outcome.MALFORMED, Outcome.BUDGET_SPENT}


@pytest.mark.parametrize(
    ("tool_calls", "calls"), [("native", 1), ("native", 4), ("json", 4)], ids=str
)
def test_it_ends_with_an_outcome(investigate, tmp_path, served_with_tools, tool_calls, calls):
    chat, ended = investigate(max_calls=calls, tool_calls=tool_calls)
    assert isinstance(ended, Verdict) or ended in ENDED
    used = chat.usage["investigator"]
    assert 1 <= used.calls <= calls
    assert used.served == (served_with_tools.model,)
    assert used.prompt_tokens > 100
    assert used.completion_tokens > 0
    events = list(read_transcript(tmp_path / "transcript.jsonl"))
    kinds = [event.kind for event in events]
    assert kinds.count("response") == used.calls
    assert "retry" not in kinds  # nothing was refused, and said otherwise


class Guess(Record):
    """What is thought of a pair."""

    change: Literal["none", "targeted"]
    """What was done."""
    odds: Literal[1, 2, 3]
    """How sure that is."""


def test_it_is_held_to_a_schema(served_with_tools, tmp_path):
    config = ChatConfig(model={"name": served_with_tools.model, "base_url": served_with_tools.url})
    chat = ChatSession(transcript=Transcript(tmp_path / "transcript.jsonl"))
    model = LanguageModel(config, "grader", chat)
    made = complete_structured(
        model, [{"role": "user", "content": "Where is the bakery?"}], Guess, tries=1
    )
    assert made.change in {"none", "targeted"}
    assert made.odds in {1, 2, 3}
