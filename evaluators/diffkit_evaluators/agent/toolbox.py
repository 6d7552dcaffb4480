"""The tools of one attempt: questions within a budget, findings, notes, the verdict."""

import hashlib
import json
from collections.abc import Iterator, Sequence

from diffkit import (
    AttemptContext,
    Blinding,
    BlindModels,
    Case,
    InterimVerdictEvent,
    QuestionAnswer,
    UserError,
    Verdict,
)
from diffkit_evaluators.agent.config import AgentConfig
from diffkit_evaluators.agent.findings_view import (
    MethodFindings,
    findings_by_method,
    listing_text,
    rows_text,
)
from diffkit_evaluators.agent.tools import (
    AskModels,
    ListFindings,
    LLMTool,
    NoteHypothesis,
    ReadFinding,
    SubmitVerdict,
    tool_from_method,
    tool_from_schema,
)
from diffkit_evaluators.agent.verdicts import interim_verdict, submitted_verdict
from diffkit_evaluators.llm import LanguageModel, delimit_untrusted


class QuestionBudget:
    """Puts questions to the models, and knows what was asked.

    Args:
        models: who is asked.
        limit: questions at most.
        nonce: marks what the models say.
        characters: length of all answers to one call at most.
    """

    def __init__(self, models: BlindModels, limit: int, nonce: str, characters: int) -> None:
        self._models, self._limit = models, limit
        self._nonce, self._characters = nonce, characters
        self.prompts: set[str] = set()
        """What was asked."""
        self.names: set[str] = set()
        """By which questions can be cited."""

    @property
    def asked(self) -> int:
        """Questions so far."""
        return self._models.asked

    @property
    def left(self) -> str:
        """What is left of them, in words."""
        return f"{max(0, self._limit - self.asked)} of {self._limit} questions"

    def spend(self, prompts: tuple[str, ...]) -> None:
        """Notes what is about to be asked, by whichever tool.

        Raises:
            UserError: there are more questions than are left.
        """
        if len(prompts) > self._limit - self.asked:
            what = (
                f"That would be {len(prompts)} questions, and {self.left} are left; none was put."
            )
            raise UserError(what)
        self.prompts.update(prompts)

    def ask(self, arguments: AskModels) -> str:
        """What the models answer.

        Raises:
            UserError: there are more questions than are left, or the models cannot be asked so.
        """
        self.spend(tuple(arguments.prompts))
        answered = self._models.ask(
            arguments.prompts,
            samples=arguments.samples,
            temperature=arguments.temperature,
            max_new_tokens=arguments.max_new_tokens,
        )
        self.names.update(one.name for one in answered)
        answers = sum(len(said) for one in answered for said in one.answers.values())
        limit = self._characters // max(1, answers)
        return "\n\n".join("\n".join(self._shown(one, limit)) for one in answered)

    def _shown(self, one: QuestionAnswer, limit: int) -> Iterator[str]:
        yield f"{one.name}: {json.dumps(one.prompt, ensure_ascii=False)}"
        for handle, answers in one.answers.items():
            for number, text in enumerate(answers, 1):
                yield f"{handle}, answer {number} of {len(answers)}:"
                yield delimit_untrusted(text, self._nonce, limit)


class FindingsReader:
    """Lists findings and reads them out, fenced.

    Args:
        sources: whose findings they are.
        blind: what the models are called, and what is withheld.
        nonce: marks what is data.
        characters: length of what is shown at a time, at most.
    """

    def __init__(
        self, sources: Sequence[MethodFindings], blinding: Blinding, nonce: str, characters: int
    ) -> None:
        self._sources, self._blind = sources, blinding
        self._nonce, self._characters = nonce, characters
        self._findings = {name: one for source in sources for name, one in source.findings.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """By which findings can be read and cited."""
        return tuple(self._findings)

    def contents(self, arguments: ListFindings) -> str:
        """All findings, a line each."""
        del arguments
        return self._fenced("\n".join(listing_text(one, self._blind) for one in self._sources))

    def read(self, arguments: ReadFinding) -> str:
        """Some rows of a finding.

        Raises:
            UserError: there is no such finding.
        """
        finding = self._findings.get(arguments.name)
        if finding is None:
            what = f"There is no finding {arguments.name!r}."
            raise UserError(what, hint="list_findings names all.")
        return self._fenced(rows_text(finding, arguments.first, arguments.rows, self._blind))

    def _fenced(self, text: str) -> str:
        return delimit_untrusted(text, self._nonce, self._characters)


SUBMIT = "submit_verdict"


class AgentToolbox:
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
        self.sources = findings_by_method(case)
        """Whose findings there are."""
        self.verdict: Verdict | None = None
        """What was submitted."""
        limit = config.characters
        self._shelf = FindingsReader(self.sources, context.blinding, self.nonce, limit)
        self._questions = (
            QuestionBudget(context.models, config.questions, self.nonce, limit)
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

    def _tools(self) -> list[LLMTool]:
        limit = self._config.characters
        spend = self._questions.spend if self._questions else _spend_nothing
        tools = [tool_from_method(tool, self.nonce, limit, spend) for tool in self._context.tools]
        if self._questions:
            tools.append(tool_from_schema("ask_models", AskModels, self._questions.ask))
        if self._shelf.names:
            tools.append(tool_from_schema("list_findings", ListFindings, self._shelf.contents))
            tools.append(tool_from_schema("read_finding", ReadFinding, self._shelf.read))
        tools.append(tool_from_schema("note_hypothesis", NoteHypothesis, self._note))
        return [*tools, tool_from_schema(SUBMIT, SubmitVerdict, self._submit)]

    def _note(self, noted: NoteHypothesis) -> str:
        verdict = interim_verdict(noted, self._context.blinding, self._case.candidates)
        calls = self._model.usage.calls
        event = InterimVerdictEvent(questions=self.asked, calls=calls, verdict=verdict)
        self._context.chat.transcript.write(event)
        self._guessed_at = self.asked
        return "Noted."

    def _submit(self, given: SubmitVerdict) -> str:
        questions = self._questions
        self.verdict = submitted_verdict(
            given,
            self._context.blinding,
            self._case.candidates,
            citable={*self._shelf.names, *(questions.names if questions else ())},
            asked=questions.prompts if questions else (),
        )
        return "The verdict is taken."


def _spend_nothing(prompts: tuple[str, ...]) -> None:
    """Spends nothing: there is no budget without questions."""


def _nonce(case: Case, context: AttemptContext) -> str:
    words = f"{case.handle} {context.chat.repeat}"
    return hashlib.sha256(words.encode()).hexdigest()[:12]
