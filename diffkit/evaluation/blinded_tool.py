"""A method's tool, as an investigator that is blind has it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from diffkit.blind import Blind
from diffkit.errors import DiffkitError, UserError
from diffkit.evaluation.broker import Questions, told
from diffkit.render.plain import describe
from diffkit.runs.options import validate
from diffkit.runs.tools import call
from diffkit.tool import AgentTool, json_schema

ROWS = 20
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
        self, method: str, tool: AgentTool[Any], blind: Blind, questions: Questions
    ) -> None:
        self._tool, self._blind, self._questions = tool, blind, questions
        self.name = f"{method}_{tool.name}"
        self.summary = blind.hide(tool.summary, "words")
        self.schema: Mapping[str, Any] = blind.schema(json_schema(tool.Arguments))

    def prompts(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Prompts that a call would put to a model; none where the arguments do not fit."""
        try:
            return self._tool.prompts(self._validated(arguments))
        except UserError:
            return ()

    def _validated(self, arguments: Mapping[str, Any]) -> Any:
        listing = f"the schema of {self.name}"
        model = self._tool.Arguments
        return validate(model, arguments, word="argument", owner=self.name, listing=listing)

    def call(self, arguments: Mapping[str, Any]) -> str:
        """What it answers, as text.

        Raises:
            UserError: the arguments do not fit, or the tool failed.
        """
        try:
            given = self._validated(arguments)
            found = call(self._tool, given)
        except (ValidationError, DiffkitError) as error:
            raise told(error, self._blind, f"{self.name} failed") from error
        self._questions.asked += len(self._tool.prompts(given))
        return "\n\n".join(describe(one, self._blind, limit=ROWS) for one in found)
