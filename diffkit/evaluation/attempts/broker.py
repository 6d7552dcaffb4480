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


def make_blinding(
    handle: str, repeat: int, selected: Iterable[SelectedPair], root: Path, transcript: Transcript
) -> Blinding:
    """What hides the names of pairs from an attempt.

    The handle draws which side is shown first; each repeat turns it round.

    Args:
        handle: of the case.
        repeat: number of the repeat.
        selected: the pairs whose names nobody may be told.
        root: folder of the store.
        transcript: told where something was withheld.
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
    """Everything that names a pair."""
    found = {selected.organism.name, selected.base.name, selected.variant}
    for source in (selected.base.source, *sources(selected.finetuned)):
        found |= _source_names(source)
    return found


def _source_names(source: Source) -> set[str]:
    """A source's id or path, whole and as its last part, its revision and its folders."""
    path = Path(source.at)
    parts = [source.revision, source.subfolder, path.name, path.parent.name]
    return {source.at, str(path.resolve()), *filter(None, parts)}


class BlindedModels:
    """Asks both models, counting questions; a `BlindModels`.

    Args:
        generators: lends those of both sides.
        blind: what the sides are called.
        seed: the draws come from it and from the number of questions before.
    """

    def __init__(
        self, generators: Callable[[], GeneratorPair], blinding: Blinding, seed: str
    ) -> None:
        self._generators, self._blind, self._seed = generators, blinding, seed
        self.asked = 0
        self.failure = ""
        """Why nobody could be asked, through no fault of the asker's."""

    def ask(
        self,
        prompts: Sequence[str],
        *,
        samples: int = 1,
        temperature: float = 0.0,
        max_new_tokens: int = 64,
    ) -> tuple[QuestionAnswer, ...]:
        """Puts each prompt to both models, as a user's message.

        Raises:
            UserError: the models cannot be asked so.
        """
        sampling = Sampling(
            max_new_tokens=max_new_tokens, temperature=temperature, seed=self._drawn()
        )
        texts = [_as_chat(prompt) for prompt in prompts for _ in range(samples)]
        said = self._said(texts, sampling)
        first, self.asked, self.failure = self.asked + 1, self.asked + len(prompts), ""
        return tuple(
            self._one(first + place, prompt, said, slice(place * samples, (place + 1) * samples))
            for place, prompt in enumerate(prompts)
        )

    def _one(
        self, number: int, prompt: str, said: Mapping[Side, list[str]], own: slice
    ) -> QuestionAnswer:
        answers = {self._blind.handle[side]: tuple(said[side][own]) for side in self._blind.order}
        return QuestionAnswer(name=f"question-{number}", prompt=prompt, answers=answers)

    def _said(self, texts: Sequence[Text], sampling: Sampling) -> dict[Side, list[str]]:
        try:
            both = self._generators()
            return {
                side: [
                    self._blind.hide(one.text, "an answer")
                    for one in getattr(both, side).generate(texts, sampling)
                ]
                for side in self._blind.order
            }
        except Exception as error:
            if type(error) is not UserError or not self.asked:  # else it may be the question's
                self.failure = one_line(error)
            raise public_error(error, self._blind, "The models could not be asked") from error

    def _drawn(self) -> int:
        content = f"{self._seed} {self.asked}".encode()
        return int.from_bytes(hashlib.sha256(content).digest()[:4], "big")


def _as_chat(prompt: str) -> Text:
    return Text(messages=(Message(role="user", content=prompt),))


def public_error(error: Exception, blinding: Blinding, what: str) -> UserError:
    """What an investigator is told of an error: only what was meant for users, blinded."""
    if isinstance(error, UserError):
        return UserError(blinding.error(str(error)))
    log.warning("%s: %s", what, error)
    return UserError(f"{what}.", hint="Try something else.")


MAX_ROWS = 20
"""Rows of each finding that a tool's answer shows."""


class BlindedTool:
    """A method's tool; a `BlindTool`.

    Args:
        method: name of the method.
        tool: its tool.
        blind: what is withheld.
        questions: counts what the tool asks.
    """

    def __init__(
        self, method: str, tool: AgentTool[Any], blinding: Blinding, questions: BlindedModels
    ) -> None:
        self._tool, self._blind, self._questions = tool, blinding, questions
        self.name = f"{method}_{tool.name}"
        self.summary = blinding.hide(tool.summary, "words")
        self.schema: Mapping[str, Any] = blinding.schema(json_schema(tool.Arguments))

    def prompts(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Prompts that a call would put to a model; none where the arguments do not fit."""
        try:
            return self._tool.prompts(self._validated(arguments))
        except UserError:
            return ()

    def _validated(self, arguments: Mapping[str, Any]) -> Any:
        listing = f"the schema of {self.name}"
        model = self._tool.Arguments
        return validate_record(model, arguments, word="argument", owner=self.name, listing=listing)

    def call(self, arguments: Mapping[str, Any]) -> str:
        """What it answers, as text.

        Raises:
            UserError: the arguments do not fit, or the tool failed.
        """
        try:
            given = self._validated(arguments)
            found = call_tool(self._tool, given)
        except (ValidationError, DiffkitError) as error:
            raise public_error(error, self._blind, f"{self.name} failed") from error
        self._questions.asked += len(self._tool.prompts(given))
        return "\n\n".join(finding_text(one, self._blind, limit=MAX_ROWS) for one in found)
