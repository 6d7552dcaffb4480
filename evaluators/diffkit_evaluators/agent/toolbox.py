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
    """Asks the models within a budget, and records the prompts.

    Args:
        models: the models.
        limit: maximum number of questions.
        nonce: nonce of the delimiters around answers.
        characters: maximum length of all answers to one call.
    """

    def __init__(self, models: BlindModels, limit: int, nonce: str, characters: int) -> None:
        self._models, self._limit = models, limit
        self._nonce, self._characters = nonce, characters
        self.prompts: set[str] = set()
        """Prompts that were asked."""
        self.names: set[str] = set()
        """Names of the questions, for citations."""

    @property
    def asked(self) -> int:
        """Number of questions so far."""
        return self._models.asked

    @property
    def remaining(self) -> str:
        """The remaining questions, as text."""
        return f"{max(0, self._limit - self.asked)} of {self._limit} questions"

    def spend(self, prompts: tuple[str, ...]) -> None:
        """Records prompts that a tool is about to send.

        Raises:
            UserError: there are more of them than remain.
        """
        if len(prompts) > self._limit - self.asked:
            count, rest = len(prompts), self.remaining
            raise UserError(f"That would be {count} questions, and {rest} are left; none was put.")
        self.prompts.update(prompts)

    def ask(self, arguments: AskModels) -> str:
        """Asks both models, and shows the answers.

        Raises:
            UserError: there are more questions than remain, or the models cannot be asked so.
        """
        self.spend(tuple(arguments.prompts))
        answered = self._models.ask(
            arguments.prompts,
            samples=arguments.samples,
            temperature=arguments.temperature,
            max_new_tokens=arguments.max_new_tokens,
        )
        self.names.update(one.name for one in answered)
        count = sum(len(texts) for one in answered for texts in one.answers.values())
        limit = self._characters // max(1, count)
        return "\n\n".join("\n".join(self._answer_lines(one, limit)) for one in answered)

    def _answer_lines(self, one: QuestionAnswer, limit: int) -> Iterator[str]:
        yield f"{one.name}: {json.dumps(one.prompt, ensure_ascii=False)}"
        for handle, answers in one.answers.items():
            for number, text in enumerate(answers, 1):
                yield f"{handle}, answer {number} of {len(answers)}:"
                yield delimit_untrusted(text, self._nonce, limit)


class FindingsReader:
    """Lists findings and shows their rows, as delimited text.

    Args:
        sources: the findings, by method.
        blinding: handles of the models, and identifiers to withhold.
        nonce: nonce of the delimiters.
        characters: maximum length of what is shown at a time.
    """

    def __init__(
        self, sources: Sequence[MethodFindings], blinding: Blinding, nonce: str, characters: int
    ) -> None:
        self._sources, self._blinding = sources, blinding
        self._nonce, self._characters = nonce, characters
        self._findings = {name: one for source in sources for name, one in source.findings.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the findings, by which they are read and cited."""
        return tuple(self._findings)

    def list_all(self, arguments: ListFindings) -> str:
        """All findings, one line each."""
        del arguments
        return self._delimited(
            "\n".join(listing_text(one, self._blinding) for one in self._sources)
        )

    def read(self, arguments: ReadFinding) -> str:
        """Rows of one finding.

        Raises:
            UserError: no finding has that name.
        """
        finding = self._findings.get(arguments.name)
        if finding is None:
            what = f"There is no finding {arguments.name!r}."
            raise UserError(what, hint="list_findings names all.")
        return self._delimited(rows_text(finding, arguments.first, arguments.rows, self._blinding))

    def _delimited(self, text: str) -> str:
        return delimit_untrusted(text, self._nonce, self._characters)


SUBMIT = "submit_verdict"


class AgentToolbox:
    """The tools of one attempt, and their state.

    Args:
        case: the agent's case.
        config: its options.
        context: models, tools and blinding.
        model: the agent's language model, whose remaining budget is shown.
    """

    def __init__(
        self, case: Case, config: AgentConfig, context: AttemptContext, model: LanguageModel
    ) -> None:
        self._case, self._config, self._context, self._model = case, config, context, model
        self.nonce = _nonce(case, context)
        """Nonce of all delimiters, the same for the same case and repeat, as prompts are."""
        self.sources = findings_by_method(case)
        """The findings, by method."""
        self.verdict: Verdict | None = None
        """The verdict, once it is submitted."""
        limit = config.characters
        self._reader = FindingsReader(self.sources, context.blinding, self.nonce, limit)
        self._questions = (
            QuestionBudget(context.models, config.questions, self.nonce, limit)
            if context.models
            else None
        )
        self._last_noted = 0
        self.tools = {tool.name: tool for tool in self._tools()}
        """Name of each tool → the tool."""

    @property
    def asked(self) -> int:
        """Number of questions to the models so far."""
        return self._questions.asked if self._questions else 0

    @property
    def status(self) -> str:
        """The remaining budget, and whether an interim verdict is due, as text."""
        questions = f"{self._questions.remaining}; " if self._questions else ""
        budget = f"Left: {questions}{self._model.remaining}."
        since, every = self.asked - self._last_noted, self._config.guess_every
        if every and since >= every:
            return f"{budget} {since} questions since your last guess: note_hypothesis is due."
        return budget

    def _tools(self) -> list[LLMTool]:
        limit = self._config.characters
        spend = self._questions.spend if self._questions else _spend_nothing
        tools = [tool_from_method(tool, self.nonce, limit, spend) for tool in self._context.tools]
        if self._questions:
            tools.append(tool_from_schema("ask_models", AskModels, self._questions.ask))
        if self._reader.names:
            tools.append(tool_from_schema("list_findings", ListFindings, self._reader.list_all))
            tools.append(tool_from_schema("read_finding", ReadFinding, self._reader.read))
        tools.append(tool_from_schema("note_hypothesis", NoteHypothesis, self._note))
        return [*tools, tool_from_schema(SUBMIT, SubmitVerdict, self._submit)]

    def _note(self, noted: NoteHypothesis) -> str:
        verdict = interim_verdict(noted, self._context.blinding, self._case.candidates)
        calls = self._model.usage.calls
        event = InterimVerdictEvent(questions=self.asked, calls=calls, verdict=verdict)
        self._context.chat.transcript.write(event)
        self._last_noted = self.asked
        return "Noted."

    def _submit(self, given: SubmitVerdict) -> str:
        questions = self._questions
        self.verdict = submitted_verdict(
            given,
            self._context.blinding,
            self._case.candidates,
            citable={*self._reader.names, *(questions.names if questions else ())},
            asked=questions.prompts if questions else (),
        )
        return "The verdict is taken."


def _spend_nothing(prompts: tuple[str, ...]) -> None:
    """Records nothing: without questions there is no budget."""


def _nonce(case: Case, context: AttemptContext) -> str:
    key = f"{case.handle} {context.chat.repeat}"
    return hashlib.sha256(key.encode()).hexdigest()[:12]
