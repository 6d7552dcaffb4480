"""What lies before the agent: its tools, what came of them, and what is left to it."""

import hashlib

from diffkit import AttemptContext, Case, Guessed, Verdict
from diffkit_evaluators.agent.arguments import (
    AskModels,
    ListFindings,
    NoteHypothesis,
    ReadFinding,
    SubmitVerdict,
)
from diffkit_evaluators.agent.config import AgentConfig
from diffkit_evaluators.agent.evidence import sources
from diffkit_evaluators.agent.questions import Questions
from diffkit_evaluators.agent.shelf import Shelf
from diffkit_evaluators.agent.tool import Tool, of_method, typed
from diffkit_evaluators.agent.verdicts import guessed, submitted
from diffkit_evaluators.lm import LanguageModel

SUBMIT = "submit_verdict"


class Desk:
    """The tools of one attempt, and their state.

    Args:
        case: what the agent is given.
        config: its options.
        context: models, tools, and the blind between them and the agent.
        model: the language model that the agent is; its calls are counted.
    """

    def __init__(
        self, case: Case, config: AgentConfig, context: AttemptContext, model: LanguageModel
    ) -> None:
        self._case, self._config, self._context, self._model = case, config, context, model
        self.nonce = _nonce(case, context)
        """Marks texts that are data; drawn from case and repeat, so that prompts come out alike."""
        self.sources = sources(case)
        """Whose findings there are."""
        self.verdict: Verdict | None = None
        """What was submitted."""
        limit = config.characters
        self._shelf = Shelf(self.sources, context.blind, self.nonce, limit)
        self._questions = (
            Questions(context.models, config.questions, self.nonce, limit)
            if context.models
            else None
        )
        self._guessed_at = 0
        self.tools = {tool.name: tool for tool in self._tools()}
        """By name."""

    @property
    def asked(self) -> int:
        """Questions put to the models so far."""
        return self._questions.asked if self._questions else 0

    @property
    def left(self) -> str:
        """The budget, and whether a guess is due, in words."""
        questions = f"{self._questions.left}; " if self._questions else ""
        told = f"Left: {questions}{self._model.spent}."
        since, every = self.asked - self._guessed_at, self._config.guess_every
        if every and since >= every:
            return f"{told} {since} questions since your last guess: note_hypothesis is due."
        return told

    def _tools(self) -> list[Tool]:
        limit = self._config.characters
        spend = self._questions.spend if self._questions else _nothing
        tools = [of_method(tool, self.nonce, limit, spend) for tool in self._context.tools]
        if self._questions:
            tools.append(typed("ask_models", AskModels, self._questions.ask))
        if self._shelf.names:
            tools.append(typed("list_findings", ListFindings, self._shelf.contents))
            tools.append(typed("read_finding", ReadFinding, self._shelf.read))
        tools.append(typed("note_hypothesis", NoteHypothesis, self._note))
        return [*tools, typed(SUBMIT, SubmitVerdict, self._submit)]

    def _note(self, noted: NoteHypothesis) -> str:
        verdict = guessed(noted, self._context.blind, self._case.candidates)
        calls = self._model.usage.calls
        event = Guessed(questions=self.asked, calls=calls, verdict=verdict)
        self._context.talk.transcript.write(event)
        self._guessed_at = self.asked
        return "Noted."

    def _submit(self, given: SubmitVerdict) -> str:
        questions = self._questions
        self.verdict = submitted(
            given,
            self._context.blind,
            self._case.candidates,
            citable={*self._shelf.names, *(questions.names if questions else ())},
            asked=questions.prompts if questions else (),
        )
        return "The verdict is taken."


def _nothing(prompts: tuple[str, ...]) -> None:
    """Spends nothing: there is no budget without questions."""


def _nonce(case: Case, context: AttemptContext) -> str:
    words = f"{case.handle} {context.talk.repeat}"
    return hashlib.sha256(words.encode()).hexdigest()[:12]
