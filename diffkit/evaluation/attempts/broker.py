"""The only access of an investigator to models and tools, with identifying names removed.

Answers carry handles and no identifiers. Errors are reported without paths; the full text of an
error goes to the log only.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffkit.chat.blinding import Blinding
from diffkit.chat.transcript import Transcript, TranscriptNote
from diffkit.errors import DiffkitError, UserError, one_line
from diffkit.generator import GeneratorPair
from diffkit.investigator import QuestionAnswer
from diffkit.options.validation import validate_record
from diffkit.organism import Source, sources
from diffkit.plain_text.findings_text import finding_text
from diffkit.registry.catalogue import SelectedPair
from diffkit.runs.method_tools import call_tool
from diffkit.sampling import Sampling
from diffkit.texts import Message, Text
from diffkit.tool import AgentTool, json_schema
from diffkit.verdict import Side

log = logging.getLogger("diffkit.broker")
MAX_ROWS = 20
"""Rows of each finding in the answer of a tool."""


def make_blinding(
    handle: str, repeat: int, selected: Iterable[SelectedPair], root: Path, transcript: Transcript
) -> Blinding:
    """Hides the names of pairs during an attempt.

    The handle decides which side comes first; each repeat reverses the order.

    Args:
        handle: the handle of the case.
        repeat: number of the repeat.
        selected: the pairs whose names are hidden.
        root: folder of the store, whose path is hidden too.
        transcript: records where something was hidden.
    """
    drawn = hashlib.sha256(f"order {handle}".encode()).digest()[0] + repeat
    order: tuple[Side, Side] = ("base", "finetuned")
    known = {str(root), str(root.resolve())}.union(*map(identifying_strings, selected))
    return Blinding(
        order[drawn % 2],
        known,
        lambda channel: transcript.write(
            TranscriptNote(text=f"an identifier was withheld in {channel}")
        ),
    )


def identifying_strings(selected: SelectedPair) -> set[str]:
    """All strings that identify a pair."""
    found = {selected.organism.name, selected.base.name, selected.variant}
    for source in (selected.base.source, *sources(selected.finetuned)):
        found |= _source_names(source)
    return found


def _source_names(source: Source) -> set[str]:
    """Id or path of a source, in full and as its last part, its revision and its folders."""
    path = Path(source.at)
    parts = [source.revision, source.subfolder, path.name, path.parent.name]
    return {source.at, str(path.resolve()), *filter(None, parts)}


class BlindedModels:
    """Puts questions to both models and counts them; implements `BlindModels`.

    Args:
        generators: loads the generators of both sides.
        blinding: the handles of the sides, and the strings that are hidden.
        seed: with the number of earlier questions, the seed of the answers.
    """

    def __init__(
        self, generators: Callable[[], GeneratorPair], blinding: Blinding, seed: str
    ) -> None:
        self._generators, self._blinding, self._seed = generators, blinding, seed
        self.asked = 0
        self.failure = ""
        """Why the models could not answer, where the question was not the cause."""

    def ask(
        self,
        prompts: Sequence[str],
        *,
        samples: int = 1,
        temperature: float = 0.0,
        max_new_tokens: int = 64,
    ) -> tuple[QuestionAnswer, ...]:
        """Sends each prompt to both models, as a user's message.

        Raises:
            UserError: the models cannot answer it.
        """
        sampling = Sampling(
            max_new_tokens=max_new_tokens, temperature=temperature, seed=self._next_seed()
        )
        texts = [_as_chat(prompt) for prompt in prompts for _ in range(samples)]
        answers = self._answers(texts, sampling)
        first, self.asked, self.failure = self.asked + 1, self.asked + len(prompts), ""
        return tuple(
            self._question(first + at, prompt, answers, slice(at * samples, (at + 1) * samples))
            for at, prompt in enumerate(prompts)
        )

    def _question(
        self, number: int, prompt: str, answers: Mapping[Side, list[str]], own: slice
    ) -> QuestionAnswer:
        blinding = self._blinding
        named = {blinding.handle[side]: tuple(answers[side][own]) for side in blinding.order}
        return QuestionAnswer(name=f"question-{number}", prompt=prompt, answers=named)

    def _answers(self, texts: Sequence[Text], sampling: Sampling) -> dict[Side, list[str]]:
        try:
            both = self._generators()
            return {
                side: [
                    self._blinding.hide(one.text, "an answer")
                    for one in getattr(both, side).generate(texts, sampling)
                ]
                for side in self._blinding.order
            }
        except Exception as error:
            if type(error) is not UserError or not self.asked:  # otherwise the question may be why
                self.failure = one_line(error)
            raise public_error(error, self._blinding, "The models could not be asked") from error

    def _next_seed(self) -> int:
        content = f"{self._seed} {self.asked}".encode()
        return int.from_bytes(hashlib.sha256(content).digest()[:4], "big")


def _as_chat(prompt: str) -> Text:
    return Text(messages=(Message(role="user", content=prompt),))


def public_error(error: Exception, blinding: Blinding, what: str) -> UserError:
    """The error that an investigator sees: blinded, and only the text of a `UserError`."""
    if isinstance(error, UserError):
        return UserError(blinding.error(str(error)))
    log.warning("%s: %s", what, error)
    return UserError(f"{what}.", hint="Try something else.")


class BlindedTool:
    """A method's tool; implements `BlindTool`.

    Args:
        method: name of the method.
        tool: the tool.
        blinding: the strings that are hidden.
        models: counts the prompts of the tool as questions.
    """

    def __init__(
        self, method: str, tool: AgentTool[Any], blinding: Blinding, models: BlindedModels
    ) -> None:
        self._tool, self._blinding, self._models = tool, blinding, models
        self.name = f"{method}_{tool.name}"
        self.summary = blinding.hide(tool.summary, "words")
        self.schema: Mapping[str, Any] = blinding.schema(json_schema(tool.Arguments))

    def prompts(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Prompts that a call would send to a model; none where the arguments are not valid."""
        try:
            return self._tool.prompts(self._validated(arguments))
        except UserError:
            return ()

    def _validated(self, arguments: Mapping[str, Any]) -> Any:
        listing = f"the schema of {self.name}"
        model = self._tool.Arguments
        return validate_record(model, arguments, word="argument", owner=self.name, listing=listing)

    def call(self, arguments: Mapping[str, Any]) -> str:
        """Calls the tool; its answer as text.

        Raises:
            UserError: the arguments are not valid, or the tool failed.
        """
        try:
            given = self._validated(arguments)
            found = call_tool(self._tool, given)
        except (ValidationError, DiffkitError) as error:
            raise public_error(error, self._blinding, f"{self.name} failed") from error
        self._models.asked += len(self._tool.prompts(given))
        return "\n\n".join(finding_text(one, self._blinding, limit=MAX_ROWS) for one in found)
